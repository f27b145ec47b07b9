import Files

extension Dataset {
    /// A table with a header: one example a row. Columns that are not asked for are passed over.
    static func fromTable(
        _ bytes: UnsafeRawBufferPointer, separator: Character, source: String, _ fields: Fields, isLabelled: Bool
    ) throws(DataError) -> [Example] {
        do {
            var rows = DelimitedRows(bytes, separator: separator)
            guard let header = try rows.next() else { return [] }
            let columns = try TableColumns(header, fields, isLabelled: isLabelled)
            var examples: [Example] = []
            while let row = try rows.next() { examples.append(try columns.example(row)) }
            return examples
        } catch { throw DataError(source, line: error.line, column: error.column, error.problem) }
    }
}

/// Which columns of a table hold what.
private struct TableColumns {
    private let text: Int
    private let pair: Int?
    private let negative: Int?
    private let label: Int?
    private let names: [String]

    init(_ header: DelimitedRows.Row, _ fields: Dataset.Fields, isLabelled: Bool) throws(DelimitedRows.Failure) {
        var names: [String] = []
        for (column, field) in header.fields.enumerated() {
            let name = try field.requiredText(column: column)
            if names.contains(name) {
                throw .init(line: header.line, column: column + 1, problem: .duplicateColumn(name))
            }
            names.append(name)
        }
        func column(_ name: String) throws(DelimitedRows.Failure) -> Int {
            if let column = names.firstIndex(of: name) { return column }
            throw .init(
                line: header.line, column: nil,
                problem: .missingField(name, present: names, nearest: NearestName.to(name, among: names)))
        }
        // A triplet may name its texts by what they are.
        let isNamed = !names.contains(fields.text) && names.contains(fields.anchor)
        text = try column(isNamed ? fields.anchor : fields.text)
        pair =
            names.firstIndex(of: fields.pair) ?? (isNamed ? names.firstIndex(of: fields.positive) : nil)
        negative = pair == nil ? nil : names.firstIndex(of: fields.negative)
        // Pairs and triplets that belong together need none.
        let isUnlabelled = pair != nil && !fields.mayBeLabelled(names)
        // A cell holds one label: lists of labels need JSON.
        label = isLabelled && !isUnlabelled ? try column(fields.label ?? "label") : nil
        if let label, negative != nil {
            throw .init(line: header.line, column: label + 1, problem: .labelledTriplet(field: names[label]))
        }
        self.names = names
    }

    func example(_ row: DelimitedRows.Row) throws(DelimitedRows.Failure) -> Example {
        guard row.fields.count == names.count else {
            throw .init(
                line: row.line, column: nil,
                problem: .wrongColumnCount(found: row.fields.count, expected: names.count))
        }
        func value(_ column: Int) throws(DelimitedRows.Failure) -> String {
            try row.fields[column].requiredText(column: column)
        }
        let text = try value(text)
        let pair = if let pair { try Optional(value(pair)) } else { String?.none }
        let negative = if let negative { try Optional(value(negative)) } else { String?.none }
        guard let label else { return Example(text, pairedWith: pair, negative: negative, line: row.line) }
        let name = try value(label)
        if name.isEmpty {
            throw .init(line: row.fields[label].line, column: label + 1, problem: .emptyLabel(field: names[label]))
        }
        return Example(text, pairedWith: pair, label: .name(name), line: row.line)
    }
}

extension DelimitedRows.Field {
    fileprivate func requiredText(column: Int) throws(DelimitedRows.Failure) -> String {
        guard let text else { throw .init(line: line, column: column + 1, problem: .notUTF8) }
        return text
    }
}
