import Matrices

/// What goes into linear maps: rows of numbers, and the same rows as the frozen weights' precision reads them, rounded once
/// for all maps that read them.
public struct LinearInput: Sendable {
    /// x [tokens, inputs] in float32: what everything trained reads.
    public let values: Matrix
    /// x as products with frozen weights read it.
    let operand: RowOperand

    private let factors: [Float]?

    /// What `map` reads.
    package init(_ values: Matrix, for map: FrozenLinear) {
        self.values = values
        factors = map.inputFactors
        operand = RowOperand(values, for: map.precision, multiplyingColumnsBy: factors)
    }

    /// The same rows as `map` reads them: these, unless they were rounded otherwise.
    func read(by map: FrozenLinear) -> LinearInput {
        let isAlike = factors == nil && map.inputFactors == nil && operand.precision == map.precision
        return isAlike ? self : LinearInput(values, for: map)
    }
}
