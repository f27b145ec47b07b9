import Matrices

/// What goes into linear maps: rows of numbers, and the same rows as the frozen weights' precision reads them, rounded once
/// for all maps that read them.
public struct LinearInput: Sendable {
    /// x [tokens, inputs] in float32: what everything trained reads.
    public let values: Matrix
    /// x as products with frozen weights read it.
    let operand: RowOperand

    init(_ values: Matrix, for precision: Precision) {
        self.values = values
        operand = RowOperand(values, for: precision)
    }
}
