import Matrices

/// (y − target)², the loss of regression, as transformers has it for a single number.
public enum SquaredError {
    /// The loss of each row of `outputs` [texts, 1], summed over texts and divided by `terms`, the texts of the whole step, and
    /// its gradient.
    public static func loss(
        _ outputs: Matrix, targets: [Float], terms: Double
    ) -> (loss: Double, dOutputs: Matrix) {
        precondition(outputs.rows == targets.count && outputs.columns == 1, "each row is a number and has a target")
        var dOutputs = Matrix(rows: outputs.rows, columns: 1)
        guard terms > 0 else { return (0, dOutputs) }
        var loss = 0.0
        for (row, target) in targets.enumerated() {
            let difference = Double(outputs[row, 0]) - Double(target)
            loss += difference * difference / terms
            dOutputs[row, 0] = Float(2 * difference / terms)
        }
        return (loss, dOutputs)
    }
}
