import Foundation
import Testing
import Tokenizers

/// Holds Graft against what Tests/Peers/compare_tokenizers.py wrote down of the Rust library.
@Suite struct ComparisonTests {
    static let path = ProcessInfo.processInfo.environment["GRAFT_TOKENIZER_COMPARISON"]

    @Test(.enabled(if: path != nil, "GRAFT_TOKENIZER_COMPARISON names no file"))
    func `every text has the tokens of the Rust library`() throws {
        let path = try #require(Self.path)
        let url = URL(filePath: path)
        var file = try ComparisonFile(contentsOf: url)
        var tokenizer: (any Tokenizer)?
        var (compared, different) = (0, 0)
        var byName: [(name: String, compared: Int, different: Int)] = []
        while let entry = try file.next() {
            switch entry {
            case .section(let name, let folder):
                tokenizer = try TokenizerFolder.load(from: URL(filePath: folder))
                byName.append((name, 0, 0))
            case .record(let record):
                let tokenizer = try #require(tokenizer)
                let found = try record.tokenize(with: tokenizer)
                compared += 1
                byName[byName.count - 1].compared += 1
                guard found != record.expected else { continue }
                different += 1
                byName[byName.count - 1].different += 1
                if byName[byName.count - 1].different <= 3 { print(record.difference(from: found, byName.last?.name)) }
            }
        }
        for (name, compared, different) in byName { print("\(name): \(compared) compared, \(different) different") }
        print("\(compared) compared, \(different) different")
        try report(url, compared, different)
        #expect(different == 0)
        #expect(compared > 0)
    }

    /// Measures the speed on one thread and writes it beside the file.
    private func report(_ url: URL, _ compared: Int, _ different: Int) throws {
        let texts = try ComparisonFile.texts(url.deletingPathExtension().appendingPathExtension("texts"))
        let folder = url.deletingPathExtension().appendingPathExtension("folders").appending(path: "0")
        var load = Double.infinity
        var tokenizer: (any Tokenizer)?
        for _ in 0..<5 {
            load = min(load, try processorSeconds { tokenizer = try TokenizerFolder.load(from: folder) })
        }
        let loaded = try #require(tokenizer)
        var (best, tokens) = (Double.infinity, 0)
        for _ in 0..<5 {
            tokens = 0
            let seconds = try processorSeconds {
                for text in texts { tokens += try loaded.tokenize(text, pairedWith: nil, truncation: nil).count }
            }
            best = min(best, seconds)
        }
        let figures: [String: Double] = [
            "compared": Double(compared), "different": Double(different), "texts": Double(texts.count),
            "tokens": Double(tokens), "texts_per_second": Double(texts.count) / best,
            "tokens_per_second": Double(tokens) / best, "load_milliseconds": load * 1000,
        ]
        print(figures)
        let data = try JSONSerialization.data(withJSONObject: figures, options: [.prettyPrinted, .sortedKeys])
        try data.write(to: url.deletingPathExtension().appendingPathExtension("graft.json"))
    }

    /// Processor time, since the machine may be busy with other things.
    private func processorSeconds(_ work: () throws -> Void) rethrows -> Double {
        let start = clock()
        try work()
        return Double(clock() - start) / Double(CLOCKS_PER_SEC)
    }
}
