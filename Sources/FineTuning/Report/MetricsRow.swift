import Foundation

/// A line of `metrics.jsonl`.
enum MetricsRow: Sendable, Equatable {
    case step(StepRecord)
    case evaluation(EvaluationRecord)

    /// Where it stands in a run: a row of the same place replaces it when the run is resumed there.
    ///
    /// An evaluation stands behind the step that it follows, in the order of the stages.
    var place: (step: Int, rank: Int) {
        switch self {
        case .step(let row): (row.step, 0)
        case .evaluation(let row): (row.step, row.stage)
        }
    }

    /// The row as JSON with a newline, what people read first first: Foundation's encoder keeps no order.
    var line: String {
        switch self {
        case .step(let row):
            MetricsRow.object([
                ("event", MetricsRow.quoted("step")), ("step", "\(row.step)"), ("stage", "\(row.stage)"),
                ("epoch", "\(row.epoch)"), ("loss", MetricsRow.number(row.loss)),
                ("losses", MetricsRow.numbers(row.losses)), ("learning_rates", MetricsRow.numbers(row.learningRates)),
                ("gradient_norm", row.gradientNorm.map(MetricsRow.number) ?? "null"), ("tokens", "\(row.tokens)"),
                ("seconds", MetricsRow.number(row.seconds)),
            ]) + "\n"
        case .evaluation(let row):
            MetricsRow.object([
                ("event", MetricsRow.quoted("evaluation")), ("step", "\(row.step)"), ("stage", "\(row.stage)"),
                ("epoch", "\(row.epoch)"), ("task", MetricsRow.quoted(row.task)),
                ("best", row.isBest ? "true" : "false"), ("scores", MetricsRow.numbers(row.scores)),
            ]) + "\n"
        }
    }

    private static func object(_ fields: [(name: String, value: String)]) -> String {
        "{" + fields.map { quoted($0.name) + ":" + $0.value }.joined(separator: ",") + "}"
    }

    private static func numbers(_ numbers: [String: Double]) -> String {
        object(numbers.filter(\.value.isFinite).sorted { $0.key < $1.key }.map { ($0.key, number($0.value)) })
    }

    /// The shortest digits that read back as the same number. JSON has nothing for what is none: it is null, and a score that is
    /// none, as a correlation of equal numbers, is left out.
    private static func number(_ number: Double) -> String { number.isFinite ? "\(number)" : "null" }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let data = try? encoder.encode(text) else { preconditionFailure("any text is JSON") }
        return String(decoding: data, as: UTF8.self)
    }
}

extension MetricsRow: Decodable {
    private enum CodingKeys: String, CodingKey { case event }
    private enum Event: String, Decodable { case step, evaluation }

    init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: CodingKeys.self).decode(Event.self, forKey: .event) {
        case .step: self = .step(try StepRecord(from: decoder))
        case .evaluation: self = .evaluation(try EvaluationRecord(from: decoder))
        }
    }
}
