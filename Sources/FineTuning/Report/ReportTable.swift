/// A table of a report, in a box of its own in which it scrolls where the page is narrow.
struct ReportTable {
    /// A column: its heading, and whether it holds numbers.
    struct Column {
        var title: String
        var isNumber = false
        /// Whether lines are broken in it; otherwise the table grows.
        var isProse = false
    }

    /// What it shows, for those who do not see it.
    var caption: String
    var columns: [Column]
    var rows: [[Markup]]
    /// The row that is printed bold: a sum, or what was kept.
    var strongRow: Int?

    var markup: Markup {
        let heads: [Markup] = columns.map { "<th scope=\"col\"\(ReportTable.kind($0))>\($0.title)</th>" }
        let body: [Markup] = rows.enumerated().map { index, cells in
            let cells: [Markup] = zip(cells, columns).enumerated().map { place, cell in
                place == 0
                    ? "<th scope=\"row\"\(ReportTable.kind(cell.1))>\(cell.0)</th>"
                    : "<td\(ReportTable.kind(cell.1))>\(cell.0)</td>"
            }
            let kind: Markup = index == strongRow ? " class=\"strong\"" : ""
            return "<tr\(kind)>\(cells)</tr>\n"
        }
        return ReportTable.box(
            caption,
            "<table>\n<thead><tr>\(heads)</tr></thead>\n<tbody>\n\(body)</tbody>\n</table>")
    }

    /// A box that scrolls by itself, also by keyboard.
    static func box(_ caption: String, _ table: Markup) -> Markup {
        "<div class=\"scroll\" role=\"region\" aria-label=\"\(caption)\" tabindex=\"0\">\n\(table)\n</div>\n"
    }

    private static func kind(_ column: Column) -> Markup {
        column.isNumber ? " class=\"number\"" : column.isProse ? " class=\"prose\"" : ""
    }
}
