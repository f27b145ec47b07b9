import Files
import Foundation
import Matrices

/// A layer norm of the vectors of texts: a `LayerNorm` module. Frozen.
package struct SentenceLayerNorm: Sendable {
    private let norm: Norm

    /// γ and β [width].
    package init(gamma: [Float], beta: [Float]) {
        // ε is PyTorch's default, which sentence-transformers leaves as it is.
        norm = Norm(kind: .layer, gamma: gamma, beta: beta, epsilon: 1e-5)
    }

    /// Reads the folder of a `LayerNorm` module whose input is `width` wide.
    init(contentsOf folder: URL, width: Int) throws(EncoderError) {
        do {
            let fields = try JSONFields(contentsOf: folder.appending(path: "config.json"))
            try fields.checkNames(["dimension"])
            let dimension = try fields.positive("dimension")
            try fields.check(
                "dimension", dimension, "\(width), the width of what the module before gives", dimension == width)
        } catch { throw .configuration(error) }
        let weights = try SentenceWeights(contentsOf: folder, ["norm.weight", "norm.bias"])
        self.init(
            gamma: try weights.floats("norm.weight", shape: [width]),
            beta: try weights.floats("norm.bias", shape: [width]))
    }

    /// y of x [texts, width], and the way back.
    package func forward(_ x: Matrix) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix) -> Matrix) {
        let (y, pullback) = norm.forward(x, isBackwardRun: true)
        return (
            y,
            { dy in
                // Nothing of it trains.
                var none = Gradients([])
                return pullback(dy, &none)
            }
        )
    }
}
