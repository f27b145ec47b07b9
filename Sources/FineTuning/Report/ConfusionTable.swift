/// How often each label was answered as each other one.
struct ConfusionTable {
    var labels: [String]
    /// True labels down, answers across.
    var counts: [[Int]]

    /// Labels up to which all counts are shown; of more, the most frequent confusions.
    private static let limit = 16
    private static let listed = 20

    var markup: Markup { labels.count <= ConfusionTable.limit ? matrix : list }

    private var matrix: Markup {
        let heads: [Markup] = labels.map { "<th scope=\"col\"><bdi>\($0)</bdi></th>" }
        let rows: [Markup] = zip(labels, counts).enumerated().map { index, row in
            let total = max(1, row.1.reduce(0, +))
            let cells: [Markup] = row.1.enumerated().map { place, count in
                let share = Double(count) / Double(total)
                // How deep a cell is coloured is its share of the row, in percent.
                return
                    "<td class=\"\(place == index ? "right" : "wrong")\" style=\"--share:\(Int((share * 100).rounded()))%\">\(count)</td>"
            }
            return "<tr><th scope=\"row\"><bdi>\(row.0)</bdi></th>\(cells)</tr>\n"
        }
        return ReportTable.box(
            "Confusion matrix",
            """
            <table class="confusion">
            <thead><tr><td class="corner">known ↓ answered →</td>\(heads)</tr></thead>
            <tbody>
            \(rows)</tbody>
            </table>
            """)
    }

    private var list: Markup {
        var pairs: [(known: Int, answered: Int)] = []
        for known in labels.indices {
            for answered in labels.indices where known != answered && counts[known][answered] > 0 {
                pairs.append((known, answered))
            }
        }
        pairs.sort {
            (counts[$1.known][$1.answered], $0.known, $0.answered) < (
                counts[$0.known][$0.answered], $1.known, $1.answered
            )
        }
        if pairs.isEmpty { return "<p>No text was answered with another label.</p>\n" }
        let rows: [[Markup]] = pairs.prefix(ConfusionTable.listed).map { pair in
            [
                "<bdi>\(labels[pair.known])</bdi>", "<bdi>\(labels[pair.answered])</bdi>",
                "\(counts[pair.known][pair.answered])",
            ]
        }
        return "<p>The most frequent confusions of \(labels.count) labels.</p>\n"
            + ReportTable(
                caption: "The most frequent confusions",
                columns: [.init(title: "known"), .init(title: "answered"), .init(title: "texts", isNumber: true)],
                rows: rows
            ).markup
    }
}
