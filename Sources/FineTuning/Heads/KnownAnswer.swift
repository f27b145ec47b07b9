/// What a data set says about one example, in numbers: as a head reads it, before the example's texts are tokenized.
public enum KnownAnswer: Sendable, Hashable {
    /// Label ids: one for a class, any number for several, one for each word for tags.
    case ids([Int])
    /// A number, or a score.
    case number(Float)
    /// Nothing but that its texts belong together.
    case together
}

extension KnownAnswer {
    /// The label ids of an example that has some.
    var ids: [Int] {
        guard case .ids(let ids) = self else { preconditionFailure("this head learns labels") }
        return ids
    }

    /// The number of an example that has one.
    var number: Float {
        guard case .number(let number) = self else { preconditionFailure("this head learns a number for each text") }
        return number
    }
}
