import Files

/// What can go wrong in training.
public enum TrainingError: Error, Sendable, Equatable {
    /// The loss of a step is infinite or not a number.
    case diverged(step: Int, loss: Double)
    /// Neither the head has layers nor are there adapters.
    case nothingTrains(objective: Objective)
    /// The model folder's own head is for another objective.
    case otherHead(found: Objective, expected: Objective)
    /// A checkpoint could not be written.
    case checkpoint(TrainingCheckpointError)
    /// The features of frozen layers could not be kept.
    case features(FilesError)
}

extension TrainingError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .diverged(let step, let loss):
            "the loss of step \(step) is \(loss.isNaN ? "not a number" : "infinite"); "
                + "try a lower learning rate, a longer warm-up or a lower clip"
        case .nothingTrains(let objective):
            "there is nothing to train: everything is frozen, and a head for \(objective.rawValue) has no layers of its own; "
                + "train an adapter (--method lora)"
        case .otherHead(let found, let expected):
            "the model's own head is for \(found.rawValue), the data for \(expected.rawValue);"
                + " train a head that starts anew (--head linear or transformers)"
        case .checkpoint(let error): "\(error)"
        case .features(let error):
            "what the frozen layers give cannot be kept: \(error); "
                + "set TMPDIR to a folder with more room, or turn the feature cache off"
        }
    }
}
