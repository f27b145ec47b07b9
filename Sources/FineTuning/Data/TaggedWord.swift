/// A word that a tagging task says something about, and where it stands in its text.
package struct TaggedWord: Sendable, Equatable {
    package let text: String
    /// Where it starts and ends, counted in Unicode scalars.
    package let start, end: Int
}

extension TextInput {
    /// The words that tags are given to: those that the text came in, else what is between white space, without the
    /// punctuation around it.
    ///
    /// Punctuation before and after a word is a word of its own, each run of one mark; what stands inside a word stays there
    /// (`3.5`, `http://a.b/c`), and `@` and `#` stay before it. An English 's is a word, and so is each ideograph.
    package var taggedWords: [TaggedWord] {
        guard let words else { return TextInput.words(in: text) }
        var start = 0
        return words.map { word in
            let end = start + word.unicodeScalars.count
            // One space after each.
            defer { start = end + 1 }
            return TaggedWord(text: word, start: start, end: end)
        }
    }

    private static func words(in text: String) -> [TaggedWord] {
        var words: [TaggedWord] = []
        var place = 0
        for chunk in text.split(omittingEmptySubsequences: false, whereSeparator: \.isWhitespace) {
            var start = place
            for part in parts(of: Array(chunk)) {
                let end = start + part.unicodeScalars.count
                words.append(TaggedWord(text: part, start: start, end: end))
                start = end
            }
            // The separator that ended the chunk may be several scalars, as a carriage return with its line feed is.
            place = start
            if chunk.endIndex < text.endIndex { place += text[chunk.endIndex].unicodeScalars.count }
        }
        return words
    }

    /// The words in a stretch without white space, end to end.
    private static func parts(of chunk: [Character]) -> [String] {
        guard let first = chunk.firstIndex(where: { !$0.isMark }), let last = chunk.lastIndex(where: { !$0.isMark })
        else { return chunk.isEmpty ? [] : [String(chunk)] }
        let isGenitive = first == last && first > 0 && "'’".contains(chunk[first - 1]) && "sS".contains(chunk[first])
        let coreStart = first > 0 && ("@#".contains(chunk[first - 1]) || isGenitive) ? first - 1 : first
        var core = chunk[coreStart...last]
        var ending: ArraySlice<Character> = []
        if core.count > 2, "'’".contains(core[core.endIndex - 2]), "sS".contains(core[core.endIndex - 1]) {
            ending = core.suffix(2)
            core = core.dropLast(2)
        }
        return runs(of: chunk[..<coreStart]) + ideographs(in: core) + (ending.isEmpty ? [] : [String(ending)])
            + runs(of: chunk[(last + 1)...])
    }

    /// Marks, those alike that stand together as one.
    private static func runs(of marks: ArraySlice<Character>) -> [String] {
        marks.reduce(into: []) { runs, mark in
            if runs.last?.last == mark { runs[runs.count - 1].append(mark) } else { runs.append(String(mark)) }
        }
    }

    /// The word cut around its ideographs.
    private static func ideographs(in word: ArraySlice<Character>) -> [String] {
        var parts: [String] = []
        var isOpen = false
        for character in word {
            let isAlone = character.unicodeScalars.first?.properties.isIdeographic ?? false
            if isOpen, !isAlone {
                parts[parts.count - 1].append(character)
            } else {
                parts.append(String(character))
            }
            isOpen = !isAlone
        }
        return parts
    }
}

extension Character {
    /// Whether it is punctuation or a picture, and so no part of a word at whose edge it stands.
    fileprivate var isMark: Bool {
        isPunctuation || unicodeScalars.first?.properties.generalCategory == .otherSymbol
    }
}
