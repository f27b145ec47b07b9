/// The Unigram model of SentencePiece: of all ways to spell a word in tokens, the one with the highest sum of scores.
///
/// What no token spells costs `unknownPenalty` more than the worst token a scalar, and neighbours of that kind are one
/// unknown token. Sums are in float64 and from the left, and of two equal ones the first found stays, as in the Rust
/// library, so that ties fall the same way.
struct Unigram: SubwordModel {
    let vocabulary: Vocabulary
    let unknown: Int32?
    private let unknownID: Int32
    /// By id.
    private let scores: [Double]
    private let unknownScore: Double
    /// The tokens of the bytes, `<0x00>` to `<0xFF>`, where the model spells unknown text in them.
    private let byteTokens: [Int32?]
    private let prefixes: PrefixFilter
    private let caches = SpellingCache.Pool()

    private static let unknownPenalty = 10.0

    /// - Parameters:
    ///   - vocabulary: its ids are 0 to its count, without gaps.
    ///   - scores: the logarithm of a token's probability, by id.
    ///   - fallsBackToBytes: unknown text becomes the tokens of its bytes where the vocabulary has them all.
    init(_ vocabulary: Vocabulary, scores: [Double], unknown: Int32, fallsBackToBytes: Bool) {
        precondition(
            scores.count == vocabulary.count && vocabulary.idLimit == scores.count && unknown < scores.count,
            "A Unigram vocabulary numbers its tokens from 0 without gaps, each with a score.")
        self.vocabulary = vocabulary
        self.unknown = unknown
        self.scores = scores
        unknownID = unknown
        unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
        byteTokens =
            fallsBackToBytes
            ? (0..<256).map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return vocabulary.id(of: "<0x\(digits.count == 1 ? "0" : "")\(digits)>")
            } : []
        prefixes = PrefixFilter(vocabulary)
    }

    func spell(
        _ words: [Range<Int>], of text: NormalizedText, firstWord: Int, atMost maximum: Int, into tokens: inout Tokens
    ) {
        var lattice = UnigramLattice(longestWord: words.reduce(0) { max($0, $1.count) })
        var cache = caches.take()
        for (index, word) in words.enumerated() where tokens.ids.count < maximum {
            func original(_ bytes: Range<Int>) -> Range<Int> {
                text.original(
                    of: word.lowerBound + lattice.scalar(at: bytes.lowerBound)..<word.lowerBound
                        + lattice.scalar(at: bytes.upperBound))
            }
            lattice.read(text.scalars, word)
            let key = SpellingCache.Key(lattice.bytes(0..<lattice.count))
            if let key {
                var start = 0
                let isKnown = cache.find(key) { id, length in
                    tokens.append(id, original(start..<start + length), word: firstWord + index)
                    start += length
                }
                if isKnown { continue }
            }
            findBestPath(&lattice)
            lattice.trace(unknown: unknownID)
            var hasUnknown = false
            for step in lattice.path.reversed() {
                if step.id != unknownID {
                    tokens.append(step.id, original(step.start..<step.end), word: firstWord + index)
                } else {
                    hasUnknown = true
                    appendUnknown(
                        lattice.bytes(step.start..<step.end), original(step.start..<step.end), word: firstWord + index,
                        &tokens)
                }
            }
            if let key, !hasUnknown {
                cache.insert(key) { body in
                    for step in lattice.path.reversed() { body(step.id, step.end - step.start) }
                }
            }
        }
        caches.putBack(cache)
    }

    /// What is unknown as parts may still be a token as a whole, and else may be spelled in bytes.
    private func appendUnknown(
        _ bytes: UnsafeBufferPointer<UInt8>, _ original: Range<Int>, word: Int, _ tokens: inout Tokens
    ) {
        if let id = vocabulary.id(of: bytes) {
            tokens.append(id, original, word: word)
        } else if !byteTokens.isEmpty, bytes.allSatisfy({ byteTokens[Int($0)] != nil }) {
            for byte in bytes { tokens.append(byteTokens[Int(byte)] ?? unknownID, original, word: word) }
        } else {
            tokens.append(unknownID, original, word: word)
        }
    }

    /// Finds, for each position, the best path of tokens that ends there.
    private func findBestPath(_ lattice: inout UnigramLattice) {
        lattice.forgetPaths()
        var start = 0
        while start < lattice.count {
            let scoreToHere = lattice.score(at: start)
            let scalarEnd = lattice.end(ofScalarAt: start)
            var hasSingleScalar = false
            var hash = Vocabulary.Hash()
            var end = start
            while end < lattice.count {
                hash.add(lattice[end])
                end += 1
                guard prefixes.mayContain(hash) else { break }
                // A token ends where a scalar does.
                if lattice.isInsideScalar(end) { continue }
                guard let id = vocabulary.id(of: lattice.address(of: start), count: end - start, hash) else { continue }
                lattice.offer(start..<end, id, score: scores[Int(id)] + scoreToHere)
                if end == scalarEnd { hasSingleScalar = true }
            }
            if !hasSingleScalar {
                lattice.offer(start..<scalarEnd, unknownID, score: unknownScore + scoreToHere)
            }
            start = scalarEnd
        }
    }
}
