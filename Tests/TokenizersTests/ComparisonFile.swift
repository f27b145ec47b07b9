import Foundation
import Testing
import Tokenizers

/// Reads what Tests/Peers/compare_tokenizers.py writes, entry by entry.
struct ComparisonFile {
    enum Entry {
        /// The records that follow are of the tokenizer of a folder; its speed may be wanted too.
        case section(name: String, folder: String, isTimed: Bool)
        case record(Record)
    }

    struct Record {
        let kind: Int
        let texts: [String]
        let truncation: Truncation?
        let expected: TokenizedText

        func tokenize(with tokenizer: any Tokenizer) throws -> TokenizedText {
            switch kind {
            case 2: try tokenizer.tokenize(texts[0], pairedWith: nil, truncation: truncation)
            case 3: try tokenizer.tokenize(texts[0], pairedWith: texts[1], truncation: truncation)
            default: try tokenizer.tokenize(words: texts, truncation: truncation)
            }
        }

        func difference(from found: TokenizedText, _ name: String?) -> String {
            """
            \(name ?? ""): \(texts.map(\.debugDescription)) \(truncation.map { "\($0)" } ?? "")
              scalars \(texts.map { $0.unicodeScalars.prefix(40).map { String($0.value, radix: 16) } })
              expected \(expected.ids) \(expected.offsets) \(expected.words.map { $0 ?? -1 }) \(expected.segments)
              found    \(found.ids) \(found.offsets) \(found.words.map { $0 ?? -1 }) \(found.segments)
            """
        }
    }

    private let data: Data
    private var position: Int

    init(contentsOf url: URL) throws {
        data = try Data(contentsOf: url, options: .mappedIfSafe)
        position = 8
        try #require(data.prefix(8) == Data("GRAFTTOK".utf8))
    }

    /// The texts of a file that holds only texts.
    static func texts(_ url: URL) throws -> [String] {
        var file = try ComparisonFile(contentsOf: url)
        var texts: [String] = []
        while file.position < file.data.count { texts.append(file.string()) }
        return texts
    }

    mutating func next() throws -> Entry? {
        let kind = number()
        guard kind > 0 else { return nil }
        if kind == 1 || kind == 5 { return .section(name: string(), folder: string(), isTimed: kind == 5) }
        let (count, limit) = (number(), number())
        let (strategy, side) = (string(), string())
        var truncation: Truncation?
        if limit >= 0 {
            truncation = Truncation(
                limit: limit, strategy: try #require(Truncation.Strategy(rawValue: strategy)),
                side: try #require(Truncation.Side(rawValue: side)))
        }
        let texts = (0..<count).map { _ in string() }
        let length = number()
        let (ids, segments) = (numbers(length), numbers(length))
        let (starts, ends, words, special) = (numbers(length), numbers(length), numbers(length), numbers(length))
        return .record(
            Record(
                kind: kind, texts: texts, truncation: truncation,
                expected: TokenizedText(
                    ids: ids.map(Int32.init), segments: segments.map(Int32.init),
                    offsets: zip(starts, ends).map { $0..<$1 }, words: words.map { $0 < 0 ? nil : $0 },
                    isSpecial: special.map { $0 == 1 })))
    }

    private mutating func number() -> Int {
        defer { position += 4 }
        return data.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: position, as: Int32.self)) }
    }

    private mutating func numbers(_ count: Int) -> [Int] { (0..<count).map { _ in number() } }

    private mutating func string() -> String {
        let count = number()
        defer { position += count }
        return data.withUnsafeBytes { String(decoding: $0[position..<position + count], as: UTF8.self) }
    }
}
