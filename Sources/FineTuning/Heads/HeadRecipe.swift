/// What head a task gets: its layers, what they start from, and the loss that it trains with.
public struct HeadRecipe: Sendable, Equatable {
    /// The layers, and what they start from.
    public var choice: HeadChoice
    /// The loss.
    public var loss: LossOptions
    /// Of several labels: the probability above which a text has a label; nil: 0.5.
    public var threshold: Float?

    /// The given parts.
    public init(_ choice: HeadChoice = .linear, loss: LossOptions = LossOptions(), threshold: Float? = nil) {
        (self.choice, self.loss, self.threshold) = (choice, loss, threshold)
    }

    /// A linear layer with the usual loss.
    public static let linear = HeadRecipe()
}
