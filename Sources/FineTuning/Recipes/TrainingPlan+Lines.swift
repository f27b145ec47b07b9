extension TrainingPlan {
    /// The plan for people, line by line, none wider than a terminal of 100 columns unless a name is.
    public var lines: [String] {
        var lines = ["the encoder is \(encoder), \(HumanUnits.count(encoderParameters)) numbers"]
        for (index, stage) in stages.enumerated() {
            let epochs = stage.epochs == 1 ? "1 epoch" : "\(stage.epochs) epochs"
            let place = stages.count == 1 ? stage.name : "stage \(index + 1) of \(stages.count), \(stage.name)"
            lines.append("\(place): \(stage.trains), \(epochs)")
            lines += stage.meaning.flatMap { TrainingPlan.wrapped($0, indent: "  ", width: 100) }
            lines.append("  trains  " + stage.trainedWords(encoderParameters))
            lines.append("  costs   " + stage.costWords)
            if let kept = stage.kept {
                lines.append(
                    "  keeps   what frozen layers give of all texts, \(HumanUnits.bytes(kept.bytes)) "
                        + (kept.isInMemory ? "in memory" : "in a temporary file"))
            }
        }
        return lines
    }

    private static func wrapped(_ text: String, indent: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(indent + word)
            }
        }
        return lines
    }
}

extension TrainingPlan.Stage {
    fileprivate func trainedWords(_ encoderParameters: Int) -> String {
        let parts = groups.map { "\($0.name) \(HumanUnits.count($0.parameters)) (\(HumanUnits.bytes($0.bytes)))" }
        let share = Double(parameters) / Double(max(1, encoderParameters))
        let sum = "\(HumanUnits.count(parameters)) numbers, \(ReportNumber.percent(share)) of the encoder's"
        return parts.count == 1
            ? "\(parts[0]), \(ReportNumber.percent(share)) of the encoder's"
            : "\(parts.joined(separator: ", ")); \(sum)"
    }

    fileprivate var costWords: String {
        let first = ReportNumber.percent(cost.firstEpoch)
        if epochs == 1 || cost.firstEpoch == cost.laterEpochs { return "\(first) of full fine-tuning a step" }
        return
            "\(first) of full fine-tuning in the first epoch, \(ReportNumber.percent(cost.laterEpochs)) in later ones"
    }
}
