extension Dataset {
    /// One token a line and its tag in the last column, an empty line after each sentence. Columns stand apart by tabs or,
    /// on lines without a tab, by spaces; `-DOCSTART-` lines are passed over.
    static func fromCoNLL(
        _ bytes: UnsafeRawBufferPointer, source: String, isLabelled: Bool
    ) throws(DataError) -> [Example] {
        var lines = TextLines(bytes)
        var examples: [Example] = []
        var (tokens, tags) = ([String](), [String]())
        var firstLine = 0
        var columnCount: Int?
        func finishSentence() {
            if tokens.isEmpty { return }
            examples.append(Example(tokens: tokens, tags: isLabelled ? tags : nil, line: firstLine))
            tokens.removeAll(keepingCapacity: true)
            tags.removeAll(keepingCapacity: true)
        }
        while let (number, line) = lines.next() {
            if line.isBlank {
                finishSentence()
                continue
            }
            guard let text = line.text else { throw DataError(source, line: number, .notUTF8) }
            let columns = columns(of: text)
            if columns[0] == "-DOCSTART-" { continue }
            // Without labels to read, a token alone is enough.
            let expected = columnCount ?? max(columns.count, isLabelled ? 2 : 1)
            guard columns.count == expected else {
                throw DataError(source, line: number, .wrongColumnCount(found: columns.count, expected: expected))
            }
            columnCount = expected
            if columns[0].isEmpty { throw DataError(source, line: number, column: 1, .noTokens) }
            if tokens.isEmpty { firstLine = number }
            tokens.append(String(columns[0]))
            guard isLabelled else { continue }
            let tag = columns[expected - 1]
            if tag.isEmpty { throw DataError(source, line: number, column: expected, .emptyLabel(field: "tag")) }
            tags.append(String(tag))
        }
        finishSentence()
        return examples
    }

    private static func columns(of line: String) -> [Substring] {
        line.utf8.contains(UInt8(ascii: "\t"))
            ? line.split(separator: "\t", omittingEmptySubsequences: false) : line.split(separator: " ")
    }
}
