import Foundation

/// Answers over what is known, for answers that are numbers, as SVG: on the diagonal they are right.
struct ScatterChart {
    var title: String
    var numbers: [ExampleOutcome.Numbers]

    private static let size = 360.0
    private static let (left, right, top, bottom) = (46.0, 348.0, 12.0, 314.0)
    /// Points that are drawn at most: more only make the file large. Every so many are taken.
    private static let limit = 1500

    /// The figure. `id` is unlike those of the page's other figures.
    func markup(id: String) -> Markup {
        let all = numbers.flatMap { [$0.expected, $0.answered] }
        let x = ChartScale(all, from: ScatterChart.left, to: ScatterChart.right, marks: 5)
        let y = ChartScale(all, from: ScatterChart.bottom, to: ScatterChart.top, marks: 5)
        let every = (numbers.count + ScatterChart.limit - 1) / ScatterChart.limit
        let shown = stride(from: 0, to: numbers.count, by: max(1, every)).map { numbers[$0] }
        let dots: [Markup] = shown.map { point in
            "<circle cx=\"\(fixed(x.position(point.expected)))\" cy=\"\(fixed(y.position(point.answered)))\" r=\"2.4\"/>"
        }
        let summary =
            "Each of \(shown.count) texts as a dot: the known number across, the answer upwards. Dots on the diagonal are right."
        return """
            <figure class="chart">
            <figcaption>\(title)</figcaption>
            <svg viewBox="0 0 360 352" role="img" aria-labelledby="\(id)-title \(id)-desc">
            <title id="\(id)-title">\(title)</title><desc id="\(id)-desc">\(summary)</desc>
            \(grid(x, y))<path class="diagonal" d="M\(fixed(ScatterChart.left)) \(fixed(ScatterChart.bottom))\
            L\(fixed(ScatterChart.right)) \(fixed(ScatterChart.top))"/><g class="dots c1">\(dots)</g></svg>
            </figure>

            """
    }

    private func grid(_ x: ChartScale, _ y: ChartScale) -> Markup {
        var markup: Markup = ""
        for tick in y.ticks {
            let place = fixed(y.position(tick))
            markup += """
                <path class="grid" d="M\(fixed(ScatterChart.left)) \(place)H\(fixed(ScatterChart.right))"/>\
                <text class="tick" text-anchor="end" x="\(fixed(ScatterChart.left - 6))" \
                y="\(fixed(y.position(tick) + 4))">\(ReportNumber.short(tick))</text>
                """
        }
        for tick in x.ticks {
            markup += """
                <text class="tick" text-anchor="middle" x="\(fixed(x.position(tick)))" \
                y="\(fixed(ScatterChart.bottom + 16))">\(ReportNumber.short(tick))</text>
                """
        }
        return markup + """
            <text class="tick" text-anchor="end" x="\(fixed(ScatterChart.right))" y="\(fixed(ScatterChart.bottom + 32))">\
            known (across), answered (up)</text>
            """
    }

    private func fixed(_ value: Double) -> String { ChartNumber.text(value) }
}
