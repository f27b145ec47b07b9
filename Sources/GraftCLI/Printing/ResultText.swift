import Graft

/// How results look on standard output: as JSON and as text.
extension Prediction {
    /// `{"text":…,"task":…,"label":…,"score":…,"scores":{…}}`, with `text_pair` where there is one; of other kinds of task
    /// `"labels":[…],"scores":{…}`, `"value":…`, `"similarity":…`, or
    /// `"entities":[{"text":…,"label":…,"start":…,"end":…,"score":…}]`.
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
        case .labels(let answer):
            fields += [
                ("labels", .array(answer.labels.map { .string($0) })),
                ("scores", .object(answer.scores.map { ($0.label, .float($0.score)) })),
            ]
        case .number(let number): fields.append(("value", .float(number)))
        case .similarity(let cosine): fields.append(("similarity", .float(cosine)))
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
    /// `{"examples":…,` all figures by their names, and what the kind of task has besides`}`.
    var json: JSONText {
        .object(
            [("examples", .integer(examples))] + values.map { (name: $0.name, value: .double($0.value)) } + details)
    }

    /// Texts, or pairs, triplets, sentences.
    private var examples: Int {
        switch self {
        case .classification(let metrics): metrics.examples
        case .multilabel(let metrics): metrics.examples
        case .regression(let metrics): metrics.examples
        case .tagging(let metrics): metrics.sentences
        case .similarity(let metrics): metrics.examples
        case .ranking(let metrics): metrics.examples
        }
    }

    private var details: [(name: String, value: JSONText)] {
        switch self {
        case .classification(let metrics): metrics.details
        case .multilabel(let metrics): [("labels", metrics.perLabel.json)]
        case .tagging(let metrics): metrics.details
        case .ranking(let metrics): [("candidates", .integer(metrics.candidates))]
        case .regression, .similarity: []
        }
    }

    /// A line of totals, and a table where there is one.
    var lines: [String] {
        switch self {
        case .classification(let metrics): metrics.lines
        case .multilabel(let metrics): metrics.lines
        case .regression(let metrics):
            [
                "R² \(metrics.determination.fixed(4)), mean squared error \(metrics.squaredError.fixed(4)), mean absolute"
                    + " error \(metrics.absoluteError.fixed(4)), Pearson \(metrics.pearson.fixed(4)), Spearman"
                    + " \(metrics.spearman.fixed(4)), \(HumanUnits.count(metrics.examples)) texts"
            ]
        case .tagging(let metrics): metrics.lines
        case .similarity(let metrics):
            [
                "cosines against scores: Spearman \(metrics.spearman.fixed(4)), Pearson \(metrics.pearson.fixed(4)), "
                    + "\(HumanUnits.count(metrics.examples)) pairs"
            ]
        case .ranking(let metrics):
            [
                summary.replacing("  ", with: ", ") + "; \(HumanUnits.count(metrics.examples)) texts, each among "
                    + "\(HumanUnits.count(metrics.candidates))"
            ]
        }
    }

    /// In a few words.
    var summary: String {
        switch self {
        case .classification(let metrics):
            "accuracy \(metrics.accuracy.fixed(4))  macro F1 \(metrics.macroF1.fixed(4))"
        case .multilabel(let metrics):
            "micro F1 \(metrics.micro.f1.fixed(4))  macro F1 \(metrics.macro.f1.fixed(4))"
        case .regression(let metrics):
            "R² \(metrics.determination.fixed(4))  squared error \(metrics.squaredError.fixed(4))"
        case .tagging(let metrics):
            "entity F1 \(metrics.f1.fixed(4))  precision \(metrics.precision.fixed(4))  "
                + "recall \(metrics.recall.fixed(4))"
        case .similarity(let metrics):
            "Spearman \(metrics.spearman.fixed(4))  Pearson \(metrics.pearson.fixed(4))"
        case .ranking(let metrics):
            (["mean reciprocal rank \(metrics.meanReciprocalRank.fixed(4))"]
                + RankingMetrics.depths.map { "recall at \($0) \(metrics.recall(at: $0).fixed(4))" }
                + (metrics.tripletAccuracy.map { ["triplets right \($0.fixed(4))"] } ?? [])).joined(separator: "  ")
        }
    }
}

extension [LabelScores] {
    /// `{"sport":{"precision":…,"recall":…,"f1":…,"support":…},…}`
    fileprivate var json: JSONText {
        .object(
            map {
                (
                    $0.label,
                    .object([
                        ("precision", .double($0.precision)), ("recall", .double($0.recall)), ("f1", .double($0.f1)),
                        ("support", .integer($0.support)),
                    ])
                )
            })
    }

    /// A table of labels.
    fileprivate var lines: [String] {
        var table = TextTable(
            ("label", .left), ("precision", .right), ("recall", .right), ("F1", .right), ("texts", .right))
        for label in self {
            table.append(
                label.label, label.precision.fixed(4), label.recall.fixed(4), label.f1.fixed(4),
                HumanUnits.count(label.support))
        }
        return table.lines
    }
}

extension MultilabelMetrics {
    /// A line of totals and a table of labels.
    fileprivate var lines: [String] {
        [
            "micro F1 \(micro.f1.fixed(4)) (precision \(micro.precision.fixed(4)), recall \(micro.recall.fixed(4))), "
                + "macro F1 \(macro.f1.fixed(4)), all labels right \(subsetAccuracy.fixed(4)), "
                + "\(HumanUnits.count(examples)) texts",
            "",
        ] + perLabel.lines
    }
}

extension TaggingMetrics {
    /// `"entities":…,"words":…,"types":{…}`
    fileprivate var details: [(name: String, value: JSONText)] {
        [
            ("entities", .integer(support)), ("words", .integer(words)),
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
        ]
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
    /// `"accuracy_interval":[…],"labels":{…}`
    fileprivate var details: [(name: String, value: JSONText)] {
        [
            (
                "accuracy_interval",
                .array([.double(accuracyInterval.lowerBound), .double(accuracyInterval.upperBound)])
            ),
            ("labels", perLabel.json),
        ]
    }

    /// A line of totals and a table of labels.
    fileprivate var lines: [String] {
        let interval = accuracyInterval
        return [
            "accuracy \(accuracy.fixed(4)) (95 % interval \(interval.lowerBound.fixed(4)) to "
                + "\(interval.upperBound.fixed(4))), macro F1 \(macroF1.fixed(4)), \(HumanUnits.count(examples)) texts",
            "",
        ] + perLabel.lines
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
