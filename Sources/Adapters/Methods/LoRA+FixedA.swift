import Encoders
import Matrices

extension LoRA {
    /// Where A is fixed: dB becomes 1/s² · dB (A Aᵀ + δ)⁻¹, which is the change of B whose s · dB A is nearest to the gradient of
    /// the whole weight. So PEFT's optimizer for LoRA-FA has it, with δ = 1e-8, before its moments. Else it stays as it is.
    public func condition(_ gradients: inout Gradients, _ parameters: ParameterVector) {
        guard isAFixed else { return }
        let rank = a.rows
        let a = parameters[a]
        var gram = [[Double]](repeating: [Double](repeating: 0, count: rank), count: rank)
        a.withBuffer { a in
            let width = self.a.columns
            for i in 0..<rank {
                for j in 0..<rank {
                    gram[i][j] = i == j ? 1e-8 : 0
                    for k in 0..<width { gram[i][j] += Double(a[i * width + k]) * Double(a[j * width + k]) }
                }
            }
        }
        let inverse = LoRA.inverse(gram)
        let factor = 1 / (Double(scale) * Double(scale))
        var db = gradients[b]
        db.withMutableBuffer { db in
            for start in stride(from: 0, to: db.count, by: rank) {
                let row = (0..<rank).map { Double(db[start + $0]) }
                for j in 0..<rank {
                    db[start + j] = Float(factor * (0..<rank).reduce(0) { $0 + row[$1] * inverse[$1][j] })
                }
            }
        }
        gradients[b] = db
    }

    /// The inverse of a symmetric positive matrix, by Gauss and Jordan.
    private static func inverse(_ matrix: [[Double]]) -> [[Double]] {
        let count = matrix.count
        var left = matrix
        var right = (0..<count).map { row in (0..<count).map { $0 == row ? 1.0 : 0 } }
        for pivot in 0..<count {
            let divisor = left[pivot][pivot]
            for column in 0..<count {
                left[pivot][column] /= divisor
                right[pivot][column] /= divisor
            }
            for row in 0..<count where row != pivot {
                let factor = left[row][pivot]
                for column in 0..<count {
                    left[row][column] -= factor * left[pivot][column]
                    right[row][column] -= factor * right[pivot][column]
                }
            }
        }
        return right
    }
}

extension DoRA {
    /// As its LoRA.
    public func condition(_ gradients: inout Gradients, _ parameters: ParameterVector) {
        lora.condition(&gradients, parameters)
    }
}

extension AdapterSet {
    /// Whether an optimizer sees other gradients than those of the loss (``LinearAdapter/condition(_:_:)``).
    package var conditionsGradients: Bool { conditioned.contains { !$0.fixedParameters.isEmpty } }

    /// Makes the gradients of a step what an optimizer is to see.
    package func condition(_ gradients: inout Gradients, _ parameters: ParameterVector) {
        for adapter in conditioned { adapter.condition(&gradients, parameters) }
    }

    private var conditioned: [any LinearAdapter] {
        (sites.compactMap { linear[$0]?.proper } + [embeddings?.projection?.proper].compactMap { $0 })
    }
}
