import Graft

/// `graft evaluate`: how well an adapter answers labelled texts.
enum EvaluateCommand {
    static let command = Command(EvaluateOptions.command) { values in
        let fields = Dataset.Fields(values, readingLabels: true)
        let data = try Dataset(contentsOf: values[EvaluateOptions.data], fields: fields)
        var session = try ModelSession(values)
        let task =
            try values[EvaluateOptions.adapter].map { try session.load($0, values) } ?? session.loadOwnHead(values)
        let metrics = try session.model.evaluate(task, on: data)
        if values[SharedOptions.Output.json] {
            print(metrics.json.line)
        } else {
            print(metrics.lines.joined(separator: "\n"))
        }
    }
}
