import Encoders
import Matrices

extension IA3: RowwiseAdapter {
    package func rowChange(of base: FrozenLinear, _ parameters: ParameterVector) -> any RowChange {
        FactorChange(factors: parameters[factors].values, changesInput: scalesInput)
    }
}

/// x ⊙ l, or y ⊙ l.
private struct FactorChange: RowChange {
    let factors: [Float]
    let changesInput: Bool

    func changeInput(_ x: MatrixView) { if changesInput { x.multiplyColumns(by: factors) } }

    func changeOutput(_ y: MatrixView, of x: MatrixView) { if !changesInput { y.multiplyColumns(by: factors) } }
}
