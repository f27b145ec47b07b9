import Tokenizers

/// Tokenized texts with the ids of their labels: a data set as training and evaluation read it.
public struct TrainingTexts: Sendable {
    /// The texts, cut to the maximum length.
    public let texts: [TokenizedText]
    /// The label id of each.
    public let targets: [Int]
    /// Tokens of each.
    let lengths: [Int]

    /// Texts with as many targets.
    public init(texts: [TokenizedText], targets: [Int]) {
        precondition(texts.count == targets.count, "each text has a target")
        (self.texts, self.targets) = (texts, targets)
        lengths = texts.map(\.ids.count)
    }

    /// The number of texts.
    public var count: Int { texts.count }

    /// Tokens of the texts at `indices`.
    func tokens(of indices: [Int]) -> Int { indices.reduce(0) { $0 + lengths[$1] } }
}
