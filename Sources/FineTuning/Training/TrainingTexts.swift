import Tokenizers

/// Tokenized texts with what is known about them: a data set as training and evaluation read it.
///
/// An overlong tagged sentence is several texts, one after the other: its windows.
public struct TrainingTexts: Sendable {
    /// The texts, cut to the maximum length.
    public let texts: [TokenizedText]
    /// What is known about each.
    public let targets: [Target]
    /// Tokens of each.
    let lengths: [Int]

    /// Texts with as many targets.
    public init(texts: [TokenizedText], targets: [Target]) {
        precondition(texts.count == targets.count, "each text has a target")
        (self.texts, self.targets) = (texts, targets)
        lengths = texts.map(\.ids.count)
    }

    /// Texts with the label id of each.
    public init(texts: [TokenizedText], targets: [Int]) { self.init(texts: texts, targets: targets.map { .label($0) }) }

    /// The number of texts.
    public var count: Int { texts.count }

    /// Tokens of the texts at `indices`.
    func tokens(of indices: [Int]) -> Int { indices.reduce(0) { $0 + lengths[$1] } }
}
