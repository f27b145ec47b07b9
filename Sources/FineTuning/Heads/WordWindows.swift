import Tokenizers

/// Cuts a sentence that is too long into windows that overlap, so that every word is read with words around it.
///
/// All but the last window are full; each begins with at most a quarter of its tokens from the window before. Of the words
/// that two windows share, the earlier one tells the first half and the later one the second: so each word is told by one
/// window, and one in the middle of the sentence has at least about an eighth of a window on either side.
enum WordWindows {
    /// The windows of a sentence that was tokenized whole, each of at most `limit` tokens with the special ones around it; the
    /// sentence itself if it fits. A word longer than a window is cut.
    static func cut(_ sentence: TokenizedText, limit: Int) throws(TokenizerError) -> [TokenizedText] {
        guard sentence.count > limit else { return [sentence] }
        let leading = sentence.isSpecial.prefix { $0 }.count
        let trailing = sentence.isSpecial.reversed().prefix { $0 }.count
        let room = limit - leading - trailing
        guard room > 0 else { throw .limitTooSmall(limit: limit, specialTokens: leading + trailing) }

        // Tokens of each word that has any, cut to what a window holds.
        var words: [Range<Int>] = []
        for token in leading..<sentence.count - trailing {
            if let last = words.last, sentence.words[token] == sentence.words[last.lowerBound] {
                if last.count < room { words[words.count - 1] = last.lowerBound..<token + 1 }
            } else {
                words.append(token..<token + 1)
            }
        }

        var windows: [TokenizedText] = []
        var first = 0
        while true {
            var (end, tokens) = (first, 0)
            while end < words.count, tokens + words[end].count <= room {
                tokens += words[end].count
                end += 1
            }
            let content = words[first..<end].flatMap { Array($0) }
            windows.append(
                sentence.tokens(
                    at: Array(0..<leading) + content + Array(sentence.count - trailing..<sentence.count)))
            if end == words.count { return windows }
            // Go back over words as long as they are no more than a quarter, and leave room for the next one.
            let overlap = min(room / 4, room - words[end].count)
            (first, tokens) = (end, 0)
            while tokens + words[first - 1].count <= overlap {
                first -= 1
                tokens += words[first].count
            }
        }
    }

    /// The words that each window tells, of `wordCount` in all: ranges end to end.
    static func told(by windows: [TokenizedText], wordCount: Int) -> [Range<Int>] {
        var start = 0
        return windows.indices.map { window in
            var end = wordCount
            if window + 1 < windows.count, let next = windows[window + 1].words.lazy.compactMap({ $0 }).first,
                let last = windows[window].words.lazy.compactMap({ $0 }).last
            {
                end = (next + last + 1) / 2
            }
            defer { start = end }
            return start..<end
        }
    }

    /// Where in a window the first token of each of its words is; nil for words without one.
    static func firstTokens(of words: Range<Int>, in window: TokenizedText) -> [Int?] {
        var places = [Int?](repeating: nil, count: words.count)
        for (token, word) in window.words.enumerated().reversed() {
            if let word, words.contains(word) { places[word - words.lowerBound] = token }
        }
        return places
    }
}

extension TokenizedText {
    /// Some of the tokens.
    fileprivate func tokens(at places: [Int]) -> TokenizedText {
        TokenizedText(
            ids: places.map { ids[$0] }, segments: places.map { segments[$0] }, offsets: places.map { offsets[$0] },
            words: places.map { words[$0] }, isSpecial: places.map { isSpecial[$0] })
    }
}
