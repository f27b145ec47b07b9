import Graft

/// How results look on standard output: as JSON and as text.
extension Prediction {
    /// `{"text":…,"task":…,"label":…,"score":…,"scores":{…}}`, with `text_pair` where there is one.
    var json: JSONText {
        var fields: [(name: String, value: JSONText)] = [("text", .string(input.text))]
        if let pair = input.pair { fields.append(("text_pair", .string(pair))) }
        fields += [
            ("task", .string(task)), ("label", .string(label)), ("score", .float(score)),
            ("scores", .object(scores.map { ($0.label, .float($0.score)) })),
        ]
        return .object(fields)
    }
}

extension ClassificationMetrics {
    /// `{"examples":…,"accuracy":…,"macro_f1":…,"accuracy_interval":[…],"labels":{…}}`
    var json: JSONText {
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
    var lines: [String] {
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
