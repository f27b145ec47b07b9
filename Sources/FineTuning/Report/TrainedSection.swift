/// What trained: by group, and stage by stage where there are several.
struct TrainedSection {
    let record: RunRecord

    var markup: Markup {
        let tables: [Markup] = record.stages.enumerated().map { index, stage in
            let heading: Markup = record.stages.count == 1 ? "" : "<h3>Stage \(index + 1): \(stage.name)</h3>\n"
            return heading + table(stage)
        }
        return """
            <section>
            <h2>What trained</h2>
            \(tables)<p class="muted">All else is frozen: it keeps its bytes. The encoder has \
            \(HumanUnits.count(record.encoderParameters)) numbers.</p>
            </section>

            """
    }

    private func table(_ stage: StageRecord) -> Markup {
        func row(_ name: String, _ tensors: Int, _ parameters: Int, _ bytes: Int) -> [Markup] {
            let share = Double(parameters) / Double(max(1, record.encoderParameters))
            return [
                "\(name)", "\(HumanUnits.count(tensors))", "\(HumanUnits.count(parameters))",
                "\(HumanUnits.bytes(bytes))", "\(ReportNumber.percent(share))",
            ]
        }
        var rows = stage.groups.map { row($0.name, $0.tensors, $0.parameters, $0.bytes) }
        if rows.count > 1 {
            let bytes = stage.groups.reduce(0) { $0 + $1.bytes }
            rows.append(row("all", stage.groups.reduce(0) { $0 + $1.tensors }, stage.parameters, bytes))
        }
        return ReportTable(
            caption: "What trained in stage \(stage.name)",
            columns: [
                .init(title: "group"), .init(title: "tensors", isNumber: true), .init(title: "numbers", isNumber: true),
                .init(title: "bytes", isNumber: true), .init(title: "of the encoder’s", isNumber: true),
            ], rows: rows, strongRow: rows.count > 1 ? rows.count - 1 : nil
        ).markup
    }
}
