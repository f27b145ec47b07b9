import Tokenizers

/// Tokenized texts with what is known about them: a data set as training and evaluation read it.
///
/// An overlong tagged sentence is several texts, one after the other: its windows.
public struct TrainingTexts: Sendable {
    /// The texts, cut to the maximum length.
    public let texts: [TokenizedText]
    /// What is known about each.
    public let targets: [Target]
    /// The texts that a step has all or none of, end to end: those of a pair or triplet; otherwise each text by itself. A step is
    /// so many units.
    public let units: [Range<Int>]
    /// The example of the data set that each text is of, from 0.
    public let origins: [Int]
    /// Tokens of each.
    let lengths: [Int]

    /// Texts with as many targets.
    ///
    /// - Parameters:
    ///   - units: ranges of texts that cover them all in their order; nil: each text by itself.
    ///   - origins: the example that each is of; nil: one for each unit.
    public init(texts: [TokenizedText], targets: [Target], units: [Range<Int>]? = nil, origins: [Int]? = nil) {
        precondition(texts.count == targets.count, "each text has a target")
        let units = units ?? texts.indices.map { $0..<$0 + 1 }
        var end = 0
        for unit in units {
            precondition(unit.lowerBound == end && !unit.isEmpty, "units cover the texts end to end")
            end = unit.upperBound
        }
        precondition(end == texts.count, "units cover all texts")
        (self.texts, self.targets, self.units) = (texts, targets, units)
        self.origins = origins ?? units.enumerated().flatMap { index, unit in unit.map { _ in index } }
        precondition(self.origins.count == texts.count, "each text is of an example")
        lengths = texts.map(\.ids.count)
    }

    /// Texts with the label id of each.
    public init(texts: [TokenizedText], targets: [Int]) { self.init(texts: texts, targets: targets.map { .label($0) }) }

    /// The number of texts.
    public var count: Int { texts.count }

    /// Tokens of the texts at `indices`.
    func tokens(of indices: [Int]) -> Int { indices.reduce(0) { $0 + lengths[$1] } }
}
