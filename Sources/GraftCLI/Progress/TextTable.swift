/// A table in plain text: columns as wide as their widest cell, two spaces between them.
package struct TextTable {
    /// How a column's cells stand in it.
    package enum Alignment { case left, right }

    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// A table with a header.
    package init(_ columns: (title: String, alignment: Alignment)...) {
        alignments = columns.map(\.alignment)
        rows = [columns.map(\.title)]
    }

    /// Adds a row; it has a cell for each column.
    package mutating func append(_ cells: String...) {
        precondition(cells.count == alignments.count, "a row has \(alignments.count) cells, not \(cells.count)")
        rows.append(cells)
    }

    /// The lines of the table, the header first.
    package var lines: [String] {
        let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { cells in
            var line = ""
            for (column, cell) in cells.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += (column == 0 ? "" : "  ") + (alignments[column] == .left ? cell + padding : padding + cell)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
