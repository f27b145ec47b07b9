/// The WordPiece model: a word becomes the longest token it starts with, then the longest that continues it, and so on.
///
/// A word that cannot be spelled to its end, or is longer than `longestWord`, is the unknown token as a whole.
struct WordPiece: SubwordModel {
    let vocabulary: Vocabulary
    let unknown: Int32?
    private let unknownID: Int32
    /// What stands before a token that continues a word, `##`.
    let continuation: [UInt8]
    private let continuationHash: Vocabulary.Hash
    /// The longest word that is spelled, in scalars.
    let longestWord: Int

    init(_ vocabulary: Vocabulary, unknown: Int32, continuation: String, longestWord: Int) {
        self.vocabulary = vocabulary
        self.unknown = unknown
        unknownID = unknown
        self.continuation = Array(continuation.utf8)
        self.longestWord = longestWord
        continuationHash = Vocabulary.Hash(self.continuation)
    }

    func spell(
        _ words: [Range<Int>], of text: NormalizedText, firstWord: Int, atMost maximum: Int, into tokens: inout Tokens
    ) {
        var buffer = WordBuffer(limit: longestWord, textLength: text.count)
        for (index, word) in words.enumerated() where tokens.ids.count < maximum {
            buffer.removeAll()
            for index in word { buffer.append(text.scalars[index], text.starts[index], text.ends[index]) }
            spell(buffer, index: firstWord + index, into: &tokens)
        }
    }

    /// Adds the tokens of a word that is not empty.
    ///
    /// - Parameter index: which word of the text it is.
    func spell(_ word: borrowing WordBuffer, index: Int, into tokens: inout Tokens) {
        let before = tokens.ids.count
        var start = word.isTooLong ? -1 : 0
        while start >= 0, start < word.count {
            guard let (id, end) = start == 0 ? longestStart(of: word) : longestContinuation(of: word, from: start)
            else {
                start = -1
                break
            }
            tokens.append(id, word.original(of: start..<end), word: index)
            start = end
        }
        if start < 0 {
            tokens.removeLast(tokens.ids.count - before)
            tokens.append(unknownID, word.original, word: index)
        }
    }

    /// The longest token the word starts with, and where it ends.
    @inline(__always)
    private func longestStart(of word: borrowing WordBuffer) -> (Int32, end: Int)? {
        var end = min(word.count, vocabulary.longest)
        while end > 0 {
            if let id = vocabulary.id(of: word.bytes(from: 0), count: end, word.hash(ofFirst: end)) { return (id, end) }
            end -= 1
        }
        return nil
    }

    /// The longest token that continues the word at a position, and where it ends.
    private func longestContinuation(of word: borrowing WordBuffer, from start: Int) -> (Int32, end: Int)? {
        let longest = min(word.count - start, vocabulary.longest - continuation.count)
        guard longest > 0 else { return nil }
        return withUnsafeTemporaryAllocation(of: Vocabulary.Hash.self, capacity: longest) { hashes in
            var hash = continuationHash
            for offset in 0..<longest {
                hash.add(word[start + offset])
                hashes.initializeElement(at: offset, to: hash)
            }
            var length = longest
            while length > 0 {
                let id = vocabulary.id(
                    of: word.bytes(from: start), count: length, after: continuation, hashes[length - 1])
                if let id { return (id, start + length) }
                length -= 1
            }
            return nil
        }
    }
}
