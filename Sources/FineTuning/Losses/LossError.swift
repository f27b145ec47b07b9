/// What can be wrong with the choice of a loss.
public enum LossError: Error, Sendable, Equatable {
    /// A loss, or a setting of one, that does not belong to what is learned.
    case unsuitable(setting: String, objective: Objective, expected: String)
    /// A weight for a name that is no label.
    case unknownLabel(String, known: [String], nearest: String?)
    /// Two settings that exclude each other.
    case conflict(String, String)
    /// A setting that is out of its range.
    case outOfRange(setting: String, found: Float, expected: String)
    /// The data lacks what the loss needs.
    case unsuitableData(loss: String, found: String, expected: String)
}

extension LossError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .unsuitable(let setting, let objective, let expected):
            "\(setting) does not go with the objective \(objective.rawValue), which takes \(expected)"
        case .unknownLabel(let name, let known, let nearest):
            "there is a class weight for '\(name)', which is no label of the data; there are "
                + known.prefix(12).map { "'\($0)'" }.joined(separator: ", ")
                + (known.count > 12 ? " and \(known.count - 12) more" : "")
                + (nearest.map { " (did you mean '\($0)'?)" } ?? "")
        case .conflict(let first, let second): "\(first) and \(second) exclude each other; leave one of the two out"
        case .outOfRange(let setting, let found, let expected): "\(setting) is \(found), expected \(expected)"
        case .unsuitableData(let loss, let found, let expected):
            "the loss \(loss) needs \(expected), the data has \(found)"
        }
    }
}
