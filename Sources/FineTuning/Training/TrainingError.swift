import Files

/// What can go wrong in training.
public enum TrainingError: Error, Sendable, Equatable {
    /// The loss of a step is infinite or not a number.
    case diverged(step: Int, loss: Double)
    /// There is no head that learns the objective.
    case noHead(for: Objective)
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
        case .noHead(let objective):
            "the objective \(objective.rawValue) cannot be trained by this version; it trains classification and tagging"
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
