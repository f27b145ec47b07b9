/// What a run took: time, speed and memory.
struct EffortSection {
    let record: RunRecord

    var markup: Markup {
        var facts: [(name: String, value: String)] = [
            ("steps", HumanUnits.count(record.steps.count)), ("tokens trained on", HumanUnits.count(record.tokens)),
            ("time of the steps", HumanUnits.duration(record.stepSeconds)),
            ("time in all", HumanUnits.duration(record.seconds)),
            ("tokens a second", HumanUnits.count(Int(record.tokensPerSecond))),
        ]
        let rates = record.steps.filter { $0.seconds > 0 }.map { Double($0.tokens) / $0.seconds }.sorted()
        if !rates.isEmpty { facts.append(("the same, median of steps", HumanUnits.count(Int(rates[rates.count / 2])))) }
        facts.append(("peak memory", HumanUnits.bytes(record.peakMemory)))
        facts.append(("machine", record.machine))
        return """
            <section>
            <h2>Time and memory</h2>
            \(ReportTable(
                caption: "Time and memory", columns: [.init(title: "what"), .init(title: "value", isProse: true)],
                rows: facts.map { ["\($0.name)", "\($0.value)"] }).markup)</section>

            """
    }
}
