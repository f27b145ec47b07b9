/// The byte-pair-encoding model (Sennrich et al. 2016): a word falls into characters, or bytes, and pairs of neighbours
/// merge in the order the merges were learnt.
///
/// As Hugging Face tokenizers has it, with what can be said of it in tokenizer.json, except dropout.
struct BytePairEncoding: SubwordModel {
    /// What tokenizer.json says beside the vocabulary and the merges.
    struct Options: Equatable, Sendable {
        /// Stands for a character the vocabulary does not have. Without one such a character is left out.
        var unknown: Int32?
        /// Unknown characters side by side are one token.
        var fusesUnknown = false
        /// An unknown character becomes tokens of its bytes, `<0xE2>`, if the vocabulary has all of them.
        var fallsBackToBytes = false
        /// A word the vocabulary has is that token, whatever the merges would make of it.
        var ignoresMerges = false
        /// What stands before every character but the first of a word.
        var continuation: [UInt8] = []
        /// What stands after the last character of a word.
        var wordEnd: [UInt8] = []
        /// A word is its UTF-8 bytes, which the vocabulary writes in `ByteAlphabet`; else its characters.
        var readsBytes = false
    }

    let vocabulary: Vocabulary
    let merges: MergeTable
    let options: Options
    /// Whether bytes are looked up as they are: every byte that stands in text is a token, and no option wants to know
    /// how the vocabulary writes it.
    private let readsPlainBytes: Bool
    /// With plain bytes the ids of all bytes, else those of the characters U+0000 to U+03FF, which cover ASCII and the
    /// byte alphabet; −1 where there is none.
    private let firsts: [Int32]
    /// The ids of `<0x00>` to `<0xFF>`, −1 where there is none.
    private let fallbacks: [Int32]
    private let caches = SpellingCache.Pool()

    init(_ vocabulary: Vocabulary, merges: MergeTable, _ options: Options) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.options = options
        fallbacks = (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return vocabulary.id(of: "<0x\(byte < 16 ? "0" : "")\(digits)>") ?? -1
        }
        func id(_ scalar: UInt32) -> Int32 {
            Unicode.Scalar(scalar).flatMap { vocabulary.id(of: String($0)) } ?? -1
        }
        let isPlain = options.continuation.isEmpty && options.wordEnd.isEmpty
        let bytes = ByteAlphabet.scalars.map(id)
        readsPlainBytes =
            options.readsBytes && isPlain && !options.ignoresMerges
            && ByteAlphabet.bytesOfText.allSatisfy { bytes[Int($0)] >= 0 }
        firsts = readsPlainBytes ? bytes : (0..<0x400).map { isPlain ? id($0) : -1 }
    }

    /// What spelling needs while it is at work: memory that is used over and over, and the words met before.
    private struct Session {
        var cache: SpellingCache
        var symbols = SymbolChain()
        /// A word, and for each byte which scalar of the text it is of.
        var word: [UInt8] = []
        var sources: [Int32] = []
        /// A character as the vocabulary writes it.
        var character: [UInt8] = []
    }

    var unknown: Int32? { options.unknown }

    /// The same model for words that are their UTF-8 bytes.
    func readingBytes() -> BytePairEncoding {
        var options = options
        options.readsBytes = true
        return BytePairEncoding(vocabulary, merges: merges, options)
    }

    func spell(
        _ words: [Range<Int>], of text: NormalizedText, firstWord: Int, atMost maximum: Int, into tokens: inout Tokens
    ) {
        var session = Session(cache: caches.take())
        for (index, range) in words.enumerated() where tokens.ids.count < maximum {
            load(text.scalars, range, &session)
            let sources = session.sources
            var start = 0
            spell(&session) { id, length in
                let end = start + length
                tokens.append(
                    id, Int(text.starts[Int(sources[start])])..<Int(text.ends[Int(sources[end - 1])]),
                    word: firstWord + index)
                start = end
            }
        }
        caches.putBack(session.cache)
    }

    /// Writes a word as the bytes that are spelled.
    private func load(_ scalars: [UInt32], _ range: Range<Int>, _ session: inout Session) {
        session.word.removeAll(keepingCapacity: true)
        session.sources.removeAll(keepingCapacity: true)
        let usesAlphabet = options.readsBytes && !readsPlainBytes
        for index in range {
            let scalar = scalars[index]
            let before = session.word.count
            if scalar < 0x80, !usesAlphabet {
                session.word.append(UInt8(truncatingIfNeeded: scalar))
            } else if let scalar = Unicode.Scalar(scalar) {
                for byte in UTF8.encode(scalar) ?? .init() {
                    if usesAlphabet {
                        session.word += ByteAlphabet.written[Int(byte)]
                    } else {
                        session.word.append(byte)
                    }
                }
            }
            for _ in before..<session.word.count { session.sources.append(Int32(truncatingIfNeeded: index)) }
        }
    }

    /// Gives the tokens of the session's word, and how many of its bytes each covers.
    ///
    /// Where characters are left out, the lengths of the others follow on one another all the same: so does the Rust
    /// library count.
    @inline(__always)
    private func spell(_ session: inout Session, _ body: (_ id: Int32, _ length: Int) -> Void) {
        let key = session.word.withUnsafeBufferPointer { SpellingCache.Key($0) }
        if let key, session.cache.find(key, body) { return }
        if options.ignoresMerges, let id = session.word.withUnsafeBufferPointer({ vocabulary.id(of: $0) }) {
            body(id, session.word.count)
            return
        }
        session.symbols.removeAll()
        if readsPlainBytes {
            for byte in session.word { session.symbols.append(firsts[Int(byte)], length: 1) }
        } else {
            split(&session)
        }
        session.symbols.merge(by: merges)
        if let key { session.cache.insert(key, session.symbols) }
        session.symbols.forEach(body)
    }

    // MARK: Characters

    /// Puts down the tokens of the word's characters.
    private func split(_ session: inout Session) {
        // Unknown characters not yet put down, in bytes.
        var pending = 0
        var start = 0
        while start < session.word.count {
            let end = min(session.word.count, start + Self.length(of: session.word[start]))
            let id = id(of: start..<end, &session)
            if id >= 0 {
                putDown(&pending, &session.symbols)
                session.symbols.append(id, length: end - start)
            } else if !fallBack(&session), options.unknown != nil {
                if !options.fusesUnknown { putDown(&pending, &session.symbols) }
                pending += end - start
            }
            start = end
        }
        putDown(&pending, &session.symbols)
    }

    private func putDown(_ pending: inout Int, _ symbols: inout SymbolChain) {
        guard pending > 0, let unknown = options.unknown else { return }
        symbols.append(unknown, length: pending)
        pending = 0
    }

    /// The token of a character, −1 where there is none; then the session's `character` is what was looked for.
    private func id(of range: Range<Int>, _ session: inout Session) -> Int32 {
        let first = session.word[range.lowerBound]
        if range.count == 1, firsts[Int(first)] >= 0 { return firsts[Int(first)] }
        if range.count == 2, case let scalar = Int(first & 0x1F) << 6 | Int(session.word[range.lowerBound + 1] & 0x3F),
            scalar < firsts.count, firsts[scalar] >= 0
        {
            return firsts[scalar]
        }
        session.character.removeAll(keepingCapacity: true)
        if range.lowerBound > 0 { session.character += options.continuation }
        session.character += session.word[range]
        if range.upperBound == session.word.count { session.character += options.wordEnd }
        return session.character.withUnsafeBufferPointer { vocabulary.id(of: $0) } ?? -1
    }

    /// Puts down the tokens of the bytes of the session's `character`, if there is one for each; otherwise does nothing.
    ///
    /// Unknown characters that wait to be fused go on waiting, and so come after these bytes: as in the Rust library.
    private func fallBack(_ session: inout Session) -> Bool {
        guard options.fallsBackToBytes, session.character.allSatisfy({ fallbacks[Int($0)] >= 0 }) else { return false }
        for byte in session.character { session.symbols.append(fallbacks[Int(byte)], length: 1) }
        return true
    }

    /// The number of bytes of a character, by its first.
    private static func length(of first: UInt8) -> Int {
        switch first {
        case ..<0x80: 1
        case ..<0xE0: 2
        case ..<0xF0: 3
        default: 4
        }
    }
}
