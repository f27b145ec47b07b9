import Foundation

/// The folders where models are kept: the one that Hugging Face's libraries share, which `pull` fills, and Graft's own,
/// for what did not come from the Hub.
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
    public init(environment variables: [String: String] = ProcessInfo.processInfo.environment) {
        let environment = HuggingFaceEnvironment(variables)
        #if os(macOS)
            let caches = "Library/Caches"
        #else
            let caches = ".cache"
        #endif
        folder =
            environment.path("GRAFT_CACHE")
            ?? (environment.path("XDG_CACHE_HOME")
            ?? environment.userHome.appendingPathComponent(caches, isDirectory: true))
            .appendingPathComponent("graft", isDirectory: true)
        huggingFaceFolder = environment.hubCache
    }

    /// The folder of the model that `--model` names: see ``locate(_:)``.
    public func resolve(_ model: String) throws(ModelHubError) -> URL { try locate(model).folder }

    /// Finds what `--model` names: a folder's path, or `owner/name` or `owner/name@revision` in one of the caches.
    ///
    /// A folder that exists wins over a name that looks the same. Throws `notInCache`, which names the command that
    /// fetches the model; a text that can only be a path throws `noSuchFolder`.
    public func locate(_ model: String) throws(ModelHubError) -> ModelLocation {
        let path = (model as NSString).expandingTildeInPath
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            return ModelLocation(folder: URL(fileURLWithPath: path, isDirectory: true), reference: nil, commit: nil)
        }
        let name = model.prefix { $0 != "@" }
        if ["/", "./", "../", "~"].contains(where: model.hasPrefix) || name.filter({ $0 == "/" }).count > 1 {
            throw .noSuchFolder(model)
        }
        let reference = try ModelReference(model)
        guard let found = copy(of: reference) else {
            throw .notInCache(reference, searched: searched)
        }
        return found
    }

    /// The model where it is whole: in Hugging Face's cache, else in Graft's own.
    ///
    /// The former goes first because it is what the Hub gave, at a commit that is known.
    package func copy(of reference: ModelReference) -> ModelLocation? {
        let repository = RepositoryCache(of: reference.name, in: huggingFaceFolder)
        if let commit = repository.commit(of: reference.revision) {
            let folder = repository.snapshot(commit)
            if ModelFiles.isComplete(folder) {
                return ModelLocation(folder: folder, reference: reference, commit: commit)
            }
        }
        guard reference.revision == ModelReference.mainRevision else { return nil }
        let folder = ownFolder(of: reference.name)
        return ModelFiles.isComplete(folder) ? ModelLocation(folder: folder, reference: reference, commit: nil) : nil
    }

    /// Where Graft keeps a model that did not come from the Hub.
    func ownFolder(of model: ModelName) -> URL {
        folder.appendingPathComponent("models/\(model.folderName)", isDirectory: true)
    }

    /// The places that a lookup goes through, for errors.
    var searched: [String] { [huggingFaceFolder.path, folder.path] }
}
