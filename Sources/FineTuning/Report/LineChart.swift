/// Curves over the steps of a run as SVG: self-contained, in the colours of the page, with a title and a description for
/// those who do not see it.
struct LineChart {
    /// A curve.
    struct Series {
        /// What it is called in the legend.
        var name: String
        /// Steps and values, in the order of the steps.
        var points: [(step: Double, value: Double)]
        /// How it is drawn.
        var style = Style.line
        /// Which of the page's colours it has, from 1.
        var color = 1

        /// How a curve is drawn.
        enum Style {
            /// A line.
            case line
            /// A thin pale line: what another one is the mean of.
            case pale
            /// A line that goes level from step to step.
            case level
            /// A line with a dot at each point.
            case dots
        }
    }

    /// What stands above it.
    var title: String
    /// What it shows, in a sentence.
    var summary: String
    var series: [Series]
    /// Where stages begin, and what they are called; the first begins at the first step.
    var stages: [(start: Double, name: String)] = []
    /// The last step.
    var end: Double
    /// A point to mark: the state that was kept.
    var kept: (step: Double, value: Double, label: String)?

    private static let (width, height) = (360.0, 216.0)
    private static let (left, right, top, bottom) = (46.0, 348.0, 24.0, 182.0)
    /// The colours that the page has for curves.
    static let colors = 6

    /// The figure: title, drawing, legend. `id` is unlike those of the page's other figures.
    func markup(id: String) -> Markup {
        let x = ChartScale(
            [stages.first?.start ?? 0, end], from: LineChart.left, to: LineChart.right, marks: 5, isTight: true)
        let values = series.flatMap { $0.points.map(\.value) } + (kept.map { [$0.value] } ?? [])
        let y = ChartScale(values, from: LineChart.bottom, to: LineChart.top, marks: 4)
        return """
            <figure class="chart">
            <figcaption>\(title)</figcaption>
            <svg viewBox="0 0 \(Int(LineChart.width)) \(Int(LineChart.height))" role="img" \
            aria-labelledby="\(id)-title \(id)-desc">
            <title id="\(id)-title">\(title)</title><desc id="\(id)-desc">\(summary)</desc>
            \(bands(x))\(grid(x, y))\(series.map { curve($0, x, y) })\(keptMark(x, y))</svg>
            \(legend)</figure>

            """
    }

    private func bands(_ x: ChartScale) -> Markup {
        guard stages.count > 1 else { return "" }
        var markup: Markup = ""
        for (index, stage) in stages.enumerated() {
            let start = x.position(stage.start)
            let end = x.position(index + 1 < stages.count ? stages[index + 1].start : end)
            if index % 2 == 1 {
                markup += """
                    <rect class="band" x="\(fixed(start))" y="\(fixed(LineChart.top))" width="\(fixed(max(0, end - start)))" \
                    height="\(fixed(LineChart.bottom - LineChart.top))"/>
                    """
            }
            if index > 0 { markup += line(start, LineChart.top - 14, start, LineChart.bottom, "divider") }
            // A name only where there is room for it, six units a letter.
            let number = "\(index + 1)"
            let full = "\(number) \(stage.name)"
            let room = end - start - 6
            let name = Double(full.count) * 6 <= room ? full : Double(number.count) * 6 <= room ? number : ""
            markup += "<text class=\"stage\" x=\"\(fixed(start + 4))\" y=\"\(fixed(LineChart.top - 5))\">\(name)</text>"
        }
        return markup
    }

    private func grid(_ x: ChartScale, _ y: ChartScale) -> Markup {
        var markup: Markup = ""
        for tick in y.ticks {
            let place = y.position(tick)
            markup += line(LineChart.left, place, LineChart.right, place, "grid")
            markup += """
                <text class="tick" text-anchor="end" x="\(fixed(LineChart.left - 6))" y="\(fixed(place + 4))">\
                \(ReportNumber.short(tick))</text>
                """
        }
        markup += line(LineChart.left, LineChart.bottom, LineChart.right, LineChart.bottom, "axis")
        for tick in x.ticks {
            let place = x.position(tick)
            markup += line(place, LineChart.bottom, place, LineChart.bottom + 4, "axis")
            markup += """
                <text class="tick" text-anchor="middle" x="\(fixed(place))" y="\(fixed(LineChart.bottom + 17))">\
                \(ReportNumber.short(tick))</text>
                """
        }
        markup += """
            <text class="tick" text-anchor="end" x="\(fixed(LineChart.right))" y="\(fixed(LineChart.bottom + 32))">step</text>
            """
        return markup
    }

    private func curve(_ series: Series, _ x: ChartScale, _ y: ChartScale) -> Markup {
        let places = series.points.map { (x: x.position($0.step), y: y.position($0.value)) }
        guard let first = places.first else { return "" }
        var path = "M\(fixed(first.x)) \(fixed(first.y))"
        for place in places.dropFirst() {
            if series.style == .level { path += "H\(fixed(place.x))" }
            path += "L\(fixed(place.x)) \(fixed(place.y))"
        }
        if series.style == .level { path += "H\(fixed(LineChart.right))" }
        let kind = series.style == .pale ? "curve pale" : "curve"
        var markup: Markup = "<path class=\"\(kind) c\(series.color)\" d=\"\(path)\"/>"
        // A curve of one point is a dot, or it would not be seen.
        if series.style == .dots || places.count == 1 {
            for place in places {
                markup +=
                    "<circle class=\"dot c\(series.color)\" cx=\"\(fixed(place.x))\" cy=\"\(fixed(place.y))\" r=\"2.6\"/>"
            }
        }
        return markup
    }

    private func keptMark(_ x: ChartScale, _ y: ChartScale) -> Markup {
        guard let kept else { return "" }
        let place = (x: x.position(kept.step), y: y.position(kept.value))
        // The label stays inside of the drawing, above the point where there is room: curves that are kept rise to it.
        let anchor = place.x > LineChart.right - 60 ? "end" : place.x < LineChart.left + 60 ? "start" : "middle"
        let below = place.y < LineChart.top + 22
        return """
            <circle class="kept" cx="\(fixed(place.x))" cy="\(fixed(place.y))" r="5.5"/>\
            <text class="label" text-anchor="\(anchor)" x="\(fixed(place.x))" y="\(fixed(place.y + (below ? 20 : -11)))">\
            \(kept.label)</text>
            """
    }

    private var legend: Markup {
        let named = series.filter { !$0.name.isEmpty }
        guard named.count > 1 else { return "" }
        let items: [Markup] = named.map { series in
            """
            <li><svg class="key" viewBox="0 0 22 8" aria-hidden="true">\
            <path class="curve \(series.style == .pale ? "pale " : "")c\(series.color)" d="M1 4H21"/></svg>\(series.name)</li>
            """
        }
        return "<ul class=\"legend\">\(items)</ul>\n"
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ kind: String) -> Markup {
        "<path class=\"\(kind)\" d=\"M\(fixed(x1)) \(fixed(y1))L\(fixed(x2)) \(fixed(y2))\"/>"
    }

    private func fixed(_ value: Double) -> String { ChartNumber.text(value) }
}
