import Graft

/// How results look on standard output: as JSON and as text.
extension Prediction {
    /// `{"text":…,"task":…,"label":…,"score":…,"scores":{…}}`, with `text_pair` where there is one; of a tagging task
    /// `{"text":…,"task":…,"entities":[{"text":…,"label":…,"start":…,"end":…,"score":…}]}`.
    var json: JSONText {
        var fields: [(name: String, value: JSONText)] = [("text", .string(input.text))]
        if let pair = input.pair { fields.append(("text_pair", .string(pair))) }
        fields.append(("task", .string(task)))
        switch answer {
        case .label(let answer):
            fields += [
                ("label", .string(answer.label)), ("score", .float(answer.score)),
                ("scores", .object(answer.scores.map { ($0.label, .float($0.score)) })),
            ]
        case .entities(let entities): fields.append(("entities", .array(entities.map(\.json))))
        }
        return .object(fields)
    }
}

extension Prediction.Entity {
    /// `{"text":…,"label":…,"start":…,"end":…,"score":…}`
    fileprivate var json: JSONText {
        .object([
            ("text", .string(text)), ("label", .string(label)), ("start", .integer(start)), ("end", .integer(end)),
            ("score", .float(score)),
        ])
    }
}

extension Scores {
    /// As the kind of task prints them.
    var json: JSONText {
        switch self {
        case .classification(let metrics): metrics.json
        case .tagging(let metrics): metrics.json
        }
    }

    /// A line of totals and a table.
    var lines: [String] {
        switch self {
        case .classification(let metrics): metrics.lines
        case .tagging(let metrics): metrics.lines
        }
    }

    /// In a few words.
    var summary: String {
        switch self {
        case .classification(let metrics):
            "accuracy \(metrics.accuracy.fixed(4))  macro F1 \(metrics.macroF1.fixed(4))"
        case .tagging(let metrics):
            "entity F1 \(metrics.f1.fixed(4))  precision \(metrics.precision.fixed(4))  "
                + "recall \(metrics.recall.fixed(4))"
        }
    }
}

extension TaggingMetrics {
    /// `{"examples":…,"entity_precision":…,"entity_recall":…,"entity_f1":…,"entities":…,"words":…,"word_accuracy":…,
    /// "types":{…}}`
    fileprivate var json: JSONText {
        .object([
            ("examples", .integer(sentences)), ("entity_precision", .double(precision)),
            ("entity_recall", .double(recall)), ("entity_f1", .double(f1)), ("entities", .integer(support)),
            ("words", .integer(words)), ("word_accuracy", .double(wordAccuracy)),
            (
                "types",
                .object(
                    types.map { type in
                        (
                            type.type,
                            .object([
                                ("precision", .double(type.precision)), ("recall", .double(type.recall)),
                                ("f1", .double(type.f1)), ("support", .integer(type.support)),
                            ])
                        )
                    })
            ),
        ])
    }

    /// A line of totals and a table of types.
    fileprivate var lines: [String] {
        var table = TextTable(
            ("entity", .left), ("precision", .right), ("recall", .right), ("F1", .right), ("entities", .right))
        for type in types {
            table.append(
                type.type, type.precision.fixed(4), type.recall.fixed(4), type.f1.fixed(4),
                HumanUnits.count(type.support))
        }
        return [
            "entity F1 \(f1.fixed(4)), precision \(precision.fixed(4)), recall \(recall.fixed(4)), "
                + "\(HumanUnits.count(support)) entities; word accuracy \(wordAccuracy.fixed(4)), "
                + "\(HumanUnits.count(words)) words in \(HumanUnits.count(sentences)) texts",
            "",
        ] + table.lines
    }
}

extension ClassificationMetrics {
    /// `{"examples":…,"accuracy":…,"macro_f1":…,"accuracy_interval":[…],"labels":{…}}`
    fileprivate var json: JSONText {
        .object([
            ("examples", .integer(examples)), ("accuracy", .double(accuracy)), ("macro_f1", .double(macroF1)),
            (
                "accuracy_interval",
                .array([.double(accuracyInterval.lowerBound), .double(accuracyInterval.upperBound)])
            ),
            (
                "labels",
                .object(
                    perLabel.map {
                        (
                            $0.label,
                            .object([
                                ("precision", .double($0.precision)), ("recall", .double($0.recall)),
                                ("f1", .double($0.f1)), ("support", .integer($0.support)),
                            ])
                        )
                    })
            ),
        ])
    }

    /// A line of totals and a table of labels.
    fileprivate var lines: [String] {
        var table = TextTable(
            ("label", .left), ("precision", .right), ("recall", .right), ("F1", .right), ("texts", .right))
        for label in perLabel {
            table.append(
                label.label, label.precision.fixed(4), label.recall.fixed(4), label.f1.fixed(4),
                HumanUnits.count(label.support))
        }
        let interval = accuracyInterval
        return [
            "accuracy \(accuracy.fixed(4)) (95 % interval \(interval.lowerBound.fixed(4)) to "
                + "\(interval.upperBound.fixed(4))), macro F1 \(macroF1.fixed(4)), \(HumanUnits.count(examples)) texts",
            "",
        ] + table.lines
    }
}

extension TrainingReport {
    /// What `graft train --json` prints.
    func json(output: String, precision: Precision, peakMemory: Int) -> JSONText {
        .object([
            ("output", .string(output)), ("precision", .string(precision.rawValue)),
            ("tokens_per_second", .double(tokensPerSecond)),
            ("median_tokens_per_second", .double(medianTokensPerSecond)), ("seconds", .double(seconds)),
            ("peak_memory_bytes", .integer(peakMemory)), ("trained_parameters", .integer(trainedParameters)),
            ("steps", .integer(steps)), ("epochs", .integer(epochs.count)),
            ("best_epoch", bestEpoch.map { .integer($0) } ?? .null), ("interrupted", .flag(isInterrupted)),
            ("losses", .array(epochs.map { .double($0.loss) })), ("scores", scores?.json ?? .null),
        ])
    }
}

extension Merge.Certificate {
    /// What `graft merge --json` prints.
    func json(output: String) -> JSONText {
        .object([
            ("output", .string(output)), ("texts", .integer(texts)),
            ("embedding_difference", .float(embeddingDifference)),
            ("probability_difference", probabilityDifference.map { .float($0) } ?? .null),
            ("tolerance", .float(tolerance)), ("fingerprint", .string(fingerprint.description)),
        ])
    }

    /// For people.
    var lines: [String] {
        [
            "certificate: merged and adapted outputs compared on \(texts) sample texts",
            "  largest difference of an embedding's numbers  \(embeddingDifference)",
            "  largest difference of a probability           \(probabilityDifference.map { "\($0)" } ?? "no head")",
            "  tolerance                                     \(tolerance)",
        ]
    }
}
