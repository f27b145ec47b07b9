/// The byte-level pre-tokenizer of GPT-2: splits a text to words, each of which goes to the model as its UTF-8 bytes.
///
/// The vocabulary writes bytes as printable characters, see `ByteAlphabet`.
struct ByteLevel: Equatable, Sendable {
    /// A stretch of text that does not start with a space gets one.
    let addsPrefixSpace: Bool
    /// Splits by GPT-2's pattern; else a stretch is one word.
    let usesPattern: Bool

    func apply(to text: inout SplitText) {
        if addsPrefixSpace {
            text.rewrite { text, range, draft in
                let first = range.lowerBound
                if text.scalars[first] != 0x20 { draft.append(0x20, text.starts[first], text.ends[first]) }
                for index in range { draft.append(text.scalars[index], text.starts[index], text.ends[index]) }
            }
        }
        if usesPattern { text.split(words) }
    }

    /// The words of a range of scalars, as ranges of the same; they leave nothing out.
    ///
    /// By `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, the first alternative that
    /// matches.
    private func words(_ scalars: [UInt32], _ range: Range<Int>) -> [Range<Int>] {
        let tables = UnicodeTables.shared
        var words: [Range<Int>] = []
        words.reserveCapacity(range.count / 4 + 1)
        scalars.withUnsafeBufferPointer { scalars in
            var start = range.lowerBound
            while start < range.upperBound {
                let end = Self.end(ofWordAt: start, scalars, range.upperBound, tables.traits)
                words.append(start..<end)
                start = end
            }
        }
        return words
    }

    private static let classes: ScalarTraits = [.letter, .number, .whitespace]

    /// Where the word that starts at a position ends.
    @inline(__always)
    private static func end(
        ofWordAt start: Int, _ scalars: UnsafeBufferPointer<UInt32>, _ limit: Int, _ traits: ScalarTable
    ) -> Int {
        /// What a scalar is of letter, number and white space; nothing for all else.
        func kind(_ index: Int) -> ScalarTraits {
            ScalarTraits(rawValue: traits[scalars[index]]).intersection(classes)
        }
        if scalars[start] == 0x27, let length = contraction(at: start, scalars, limit) { return start + length }
        var end = start
        if scalars[start] == 0x20, start + 1 < limit { end += 1 }
        let first = kind(end)
        if first != .whitespace {
            repeat { end += 1 } while end < limit && kind(end) == first
            return end
        }
        end = start
        repeat { end += 1 } while end < limit && kind(end) == .whitespace
        // The last of several white spaces stays for the word after them.
        return end < limit && end > start + 1 ? end - 1 : end
    }

    /// The length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`; nil where there is none.
    private static func contraction(
        at start: Int, _ scalars: UnsafeBufferPointer<UInt32>, _ limit: Int
    ) -> Int? {
        func next(_ offset: Int) -> UInt32 { start + offset < limit ? scalars[start + offset] : 0 }
        switch (next(1), next(2)) {
        case (0x73, _), (0x74, _), (0x6D, _), (0x64, _): return 2  // s t m d
        case (0x72, 0x65), (0x76, 0x65), (0x6C, 0x6C): return 3  // re ve ll
        default: return nil
        }
    }
}

extension ByteLevel {
    /// The model that reads what a pre-tokenizer gives it: bytes where the last stage is byte-level.
    static func model(
        _ model: any SubwordModel, after preTokenizer: PreTokenizer?, file: String
    ) throws(TokenizerError) -> any SubwordModel {
        guard let preTokenizer, preTokenizer.byteLevelStages > 0 else { return model }
        guard preTokenizer.byteLevelStages == 1, preTokenizer.endsWithBytes else {
            throw .unsupportedComponent(
                file: file, stage: "pre-tokenizer", found: "ByteLevel before another",
                supported: ["ByteLevel as the last one"])
        }
        guard let model = model as? BytePairEncoding else {
            throw .unsupportedComponent(
                file: file, stage: "pre-tokenizer", found: "ByteLevel before a model other than BPE",
                supported: ["ByteLevel with BPE"])
        }
        return model.readingBytes()
    }
}

extension PreTokenizer {
    fileprivate var byteLevelStages: Int {
        switch self {
        case .byteLevel: 1
        case .sequence(let stages): stages.reduce(0) { $0 + $1.byteLevelStages }
        default: 0
        }
    }

    fileprivate var endsWithBytes: Bool {
        switch self {
        case .byteLevel: true
        case .sequence(let stages): stages.last?.endsWithBytes ?? false
        default: false
        }
    }
}
