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
        var sections: [Section] = []
        while let entry = try file.next() {
            switch entry {
            case .section(let name, let folder, let isTimed):
                tokenizer = try TokenizerFolder.load(from: URL(filePath: folder))
                sections.append(Section(name: name, folder: folder, isTimed: isTimed))
            case .record(let record):
                let tokenizer = try #require(tokenizer)
                let found = try record.tokenize(with: tokenizer)
                sections[sections.count - 1].compared += 1
                guard found != record.expected else { continue }
                sections[sections.count - 1].different += 1
                if let section = sections.last, section.different <= 3 {
                    print(record.difference(from: found, section.name))
                }
            }
        }
        for section in sections {
            print("\(section.name): \(section.compared) compared, \(section.different) different")
        }
        try report(url, sections)
        #expect(sections.allSatisfy { $0.different == 0 && $0.compared > 0 })
        #expect(!sections.isEmpty)
    }

    /// What was found of one tokenizer.
    private struct Section {
        let name: String
        let folder: String
        let isTimed: Bool
        var compared = 0
        var different = 0
    }

    /// Measures the speed on one thread and writes it beside the file.
    private func report(_ url: URL, _ sections: [Section]) throws {
        let texts = try ComparisonFile.texts(url.deletingPathExtension().appendingPathExtension("texts"))
        var figures: [[String: Any]] = []
        for section in sections {
            var figure: [String: Any] = [
                "name": section.name, "compared": section.compared, "different": section.different,
            ]
            if section.isTimed {
                let speed = try speed(URL(filePath: section.folder), texts)
                figure["tokens_per_second"] = speed.tokens
                figure["load_milliseconds"] = speed.load * 1000
            }
            figures.append(figure)
        }
        let data = try JSONSerialization.data(withJSONObject: figures, options: [.prettyPrinted, .sortedKeys])
        try data.write(to: url.deletingPathExtension().appendingPathExtension("graft.json"))
    }

    /// Tokens a second, and the seconds that loading takes: the best of three runs.
    private func speed(_ folder: URL, _ texts: [String]) throws -> (tokens: Double, load: Double) {
        var (load, best, tokens) = (Double.infinity, Double.infinity, 0)
        for _ in 0..<3 {
            var tokenizer: (any Tokenizer)?
            load = min(load, try processorSeconds { tokenizer = try TokenizerFolder.load(from: folder) })
            let loaded = try #require(tokenizer)
            tokens = 0
            let seconds = try processorSeconds {
                for text in texts { tokens += try loaded.tokenize(text, pairedWith: nil, truncation: nil).count }
            }
            best = min(best, seconds)
        }
        return (Double(tokens) / best, load)
    }

    /// Processor time, since the machine may be busy with other things.
    private func processorSeconds(_ work: () throws -> Void) rethrows -> Double {
        let start = clock()
        try work()
        return Double(clock() - start) / Double(CLOCKS_PER_SEC)
    }
}
