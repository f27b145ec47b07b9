/// `report.html`: what a run came to, on one page that needs nothing but itself: no script, no font, no picture from
/// elsewhere.
public struct ReportPage: Sendable {
    /// The run.
    public let record: RunRecord

    /// The page of a run.
    public init(_ record: RunRecord) { self.record = record }

    /// The page as HTML.
    public var html: String {
        let sections: [Markup] = [
            HeadlineSection(record: record).markup, CurvesSection(record: record).markup,
            StagesSection(record: record).markup, ScoresSection(record: record).markup,
            MistakesSection(record: record).markup, TrainedSection(record: record).markup,
            EffortSection(record: record).markup, SettingsSection(record: record).markup,
        ]
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="generator" content="\(record.program)">
            <title>\(record.name) · training report</title>
            <style>
            \(ReportStyle.sheet)
            </style>
            </head>
            <body>
            <main>
            \(sections)
            </main>
            <footer><p>Made by \(record.program). Every step and evaluation of the run is a row of \
            <a href="metrics.jsonl">metrics.jsonl</a>, beside this page.</p></footer>
            </body>
            </html>

            """
        return page.text
    }
}
