import Encoders
import Matrices

/// The weight of a parametrized hypercomplex multiplication (Zhang et al. 2021), as Compacter has it (Mahabadi et al. 2021): a
/// sum of n Kronecker products,
///
///     H = Σᵢ rulesᵢ ⊗ blocksᵢ   [inputs, outputs],   rulesᵢ [n, n], blocksᵢ [inputs / n, outputs / n]
struct HypercomplexWeight: Sendable, Equatable {
    let rules, blocks: MatrixStack

    var inputs: Int { rules.rows * blocks.rows }
    var outputs: Int { rules.columns * blocks.columns }
    var parameters: [Parameter] { rules.parameters + blocks.parameters }

    /// H [inputs, outputs].
    func values(_ parameters: ParameterVector) -> Matrix {
        var sum = Matrix(rows: inputs, columns: outputs)
        let (ruleValues, blockValues) = (rules.values(parameters), blocks.values(parameters))
        let (height, width) = (blocks.rows, blocks.columns)
        sum.withMutableView { sum in
            withViews(ruleValues, blockValues) { views in
                forEachPlace { index, row, column in
                    let factor = views[0].base[(index * rules.rows + row) * rules.columns + column]
                    for line in 0..<height {
                        let to = sum.base + (row * height + line) * sum.rowStride + column * width
                        let from = views[1].base + (index * height + line) * width
                        for place in 0..<width { to[place] += factor * from[place] }
                    }
                }
            }
        }
        return sum
    }

    /// Leaves what the gradient `d` [inputs, outputs] of H is for the parameters.
    func addGradient(_ d: Matrix, _ pass: Pass, to gradients: inout Gradients) {
        let (ruleValues, blockValues) = (rules.values(pass.parameters), blocks.values(pass.parameters))
        var dRules = Matrix(rows: ruleValues.rows, columns: ruleValues.columns)
        var dBlocks = Matrix(rows: blockValues.rows, columns: blockValues.columns)
        let (height, width) = (blocks.rows, blocks.columns)
        withMutableViews(&dRules, &dBlocks) { dRules, dBlocks in
            withViews(d, ruleValues, blockValues) { views in
                forEachPlace { index, row, column in
                    let place = (index * rules.rows + row) * rules.columns + column
                    let factor = views[1].base[place]
                    var sum: Float = 0
                    for line in 0..<height {
                        let from = views[0].base + (row * height + line) * views[0].rowStride + column * width
                        let block = views[2].base + (index * height + line) * width
                        let to = dBlocks.base + (index * height + line) * width
                        for place in 0..<width {
                            sum += from[place] * block[place]
                            to[place] += factor * from[place]
                        }
                    }
                    dRules.base[place] += sum
                }
            }
        }
        rules.addGradient(dRules, pass, to: &gradients)
        blocks.addGradient(dBlocks, pass, to: &gradients)
    }

    /// Each element of each rule.
    private func forEachPlace(_ body: (_ index: Int, _ row: Int, _ column: Int) -> Void) {
        for index in 0..<rules.count {
            for row in 0..<rules.rows {
                for column in 0..<rules.columns { body(index, row, column) }
            }
        }
    }
}
