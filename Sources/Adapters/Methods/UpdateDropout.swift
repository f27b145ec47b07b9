import Encoders
import Matrices

/// What LoHa and LoKr drop of an update in training, for all rows of a part alike: outputs of it, or all of it.
public struct UpdateDropout: Sendable, Equatable {
    /// Share of the outputs that are dropped: `rank_dropout`.
    public var rate: Float
    /// Whether the outputs that are kept are as much larger, as PEFT has it always in LoHa: `rank_dropout_scale`.
    public var scalesKept: Bool
    /// How often the whole update is dropped: `module_dropout`.
    public var moduleRate: Float

    /// Nothing is dropped, unless said otherwise.
    public init(rate: Float = 0, scalesKept: Bool = false, moduleRate: Float = 0) {
        (self.rate, self.scalesKept, self.moduleRate) = (rate, scalesKept, moduleRate)
    }

    /// What each output of the update called `name` is multiplied with in a pass; nil where nothing is dropped.
    func keptOutputs(_ name: String, count: Int, _ pass: Pass) -> [Float]? {
        guard rate > 0 || moduleRate > 0 else { return nil }
        guard var random = pass.random(name + ".outputs"), var whole = pass.random(name + ".module") else { return nil }
        if moduleRate > 0, whole.uniform() <= moduleRate { return [Float](repeating: 0, count: count) }
        guard rate > 0 else { return nil }
        let kept = (0..<count).map { _ -> Float in random.uniform() > rate ? 1 : 0 }
        let sum = kept.reduce(0, +)
        guard scalesKept, sum > 0 else { return kept }
        return kept.map { $0 * Float(count) / sum }
    }
}
