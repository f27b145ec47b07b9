/// Everything that the run was a function of, and the command that makes it again.
struct SettingsSection {
    let record: RunRecord

    var markup: Markup {
        let groups: [Markup] = record.settings.map { group in
            let table = ReportTable(
                caption: group.title, columns: [.init(title: "setting"), .init(title: "value", isProse: true)],
                rows: group.settings.map { ["\($0.name)", "\($0.value)"] }
            ).markup
            return "<details>\n<summary>\(group.title)</summary>\n\(table)</details>\n"
        }
        return """
            <section>
            <h2>Command and settings</h2>
            <pre><code>\(record.command)</code></pre>
            \(groups)</section>

            """
    }
}
