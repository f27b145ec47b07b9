import Foundation

/// The folders where models are kept: Graft's own, which `pull` fills, and the one that Hugging Face's libraries share.
///
/// Looking a model up never touches the network.
public struct ModelCache: Sendable {
    /// Graft's cache: `GRAFT_CACHE`, else `XDG_CACHE_HOME/graft`, else `~/Library/Caches/graft` on a Mac and
    /// `~/.cache/graft` elsewhere.
    public let folder: URL
    /// Hugging Face's cache: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `huggingface/hub` in `XDG_CACHE_HOME` or `~/.cache`.
    public let huggingFaceFolder: URL

    /// The caches at these places.
    public init(folder: URL, huggingFaceFolder: URL) {
        self.folder = folder
        self.huggingFaceFolder = huggingFaceFolder
    }

    /// The caches where these environment variables put them; an empty one counts as unset.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        func variable(_ name: String) -> URL? {
            guard let value = environment[name], !value.isEmpty else { return nil }
            return URL(fileURLWithPath: (value as NSString).expandingTildeInPath, isDirectory: true)
        }
        let home = variable("HOME") ?? FileManager.default.homeDirectoryForCurrentUser
        let caches = variable("XDG_CACHE_HOME")
        let dotCache = caches ?? home.appendingPathComponent(".cache", isDirectory: true)
        #if os(macOS)
            let ownCaches = caches ?? home.appendingPathComponent("Library/Caches", isDirectory: true)
        #else
            let ownCaches = dotCache
        #endif
        folder = variable("GRAFT_CACHE") ?? ownCaches.appendingPathComponent("graft", isDirectory: true)
        huggingFaceFolder =
            variable("HF_HUB_CACHE")
            ?? variable("HF_HOME")?.appendingPathComponent("hub", isDirectory: true)
            ?? dotCache.appendingPathComponent("huggingface/hub", isDirectory: true)
    }

    /// The folder of the model that `--model` names: a folder's path, or a name on the Hub that is in one of the caches.
    ///
    /// A folder that exists wins over a name that looks the same. Throws `notInCache`, which names the command that
    /// fetches the model; a text that can only be a path throws `noSuchFolder`.
    public func resolve(
        _ model: String, revision: String = HuggingFaceHub.mainRevision
    ) throws(ModelHubError) -> URL {
        let path = (model as NSString).expandingTildeInPath
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        if ["/", "./", "../", "~"].contains(where: model.hasPrefix) || model.filter({ $0 == "/" }).count > 1 {
            throw .noSuchFolder(model)
        }
        let name = try ModelName(model)
        if let found = ownCopy(of: name, revision: revision) { return found }
        if let found = huggingFaceCopy(of: name, revision: revision) { return found }
        throw .notInCache(model: model, revision: revision, searched: [folder.path, huggingFaceFolder.path])
    }

    /// The folder of the model in Graft's cache, if it is there whole.
    package func ownCopy(of model: ModelName, revision: String) -> URL? {
        let url = ownFolder(of: model, revision: revision)
        return ModelFiles.isComplete(url) ? url : nil
    }

    /// The folder of the model in Hugging Face's cache, if it is there whole:
    /// `models--owner--model/refs/<revision>` holds a commit, `snapshots/<commit>` the files of it.
    package func huggingFaceCopy(of model: ModelName, revision: String) -> URL? {
        let repository = huggingFaceFolder.appendingPathComponent("models--\(model.folderName)", isDirectory: true)
        guard Self.isHarmless(revision) else { return nil }
        var commits = [revision]
        let reference = repository.appendingPathComponent("refs/\(revision)")
        if FileManager.default.fileExists(atPath: reference.path),
            let content = FileManager.default.contents(atPath: reference.path)
        {
            let commit = String(decoding: content, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            if Self.isHarmless(commit) { commits.insert(commit, at: 0) }
        }
        return commits.map { repository.appendingPathComponent("snapshots/\($0)", isDirectory: true) }
            .first(where: ModelFiles.isComplete)
    }

    /// Where Graft keeps the model.
    func ownFolder(of model: ModelName, revision: String) -> URL {
        let suffix =
            revision == HuggingFaceHub.mainRevision ? "" : "@\(revision.split(separator: "/").joined(separator: "--"))"
        return folder.appendingPathComponent("models/\(model.folderName)\(suffix)", isDirectory: true)
    }

    /// Whether a revision can be part of a path without leaving its folder.
    static func isHarmless(_ revision: String) -> Bool {
        let parts = revision.split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.contains("\0") && !$0.contains("\\") }
    }
}
