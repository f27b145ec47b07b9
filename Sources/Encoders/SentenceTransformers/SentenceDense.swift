import Files
import Foundation
import Matrices
import Safetensors

/// y = f(x Wᵀ + b) on the vectors of texts: a `Dense` module. Frozen, and float32 whatever the encoder's precision.
package struct SentenceDense: Sendable {
    /// Width of x.
    package let inputs: Int
    /// Width of y.
    package let outputs: Int
    /// f
    package let function: ElementFunction
    private let bias: [Float]
    private let weight: Matrix
    private let panels: PackedMatrix

    /// W [outputs, inputs], b [outputs], f.
    package init(weight: Matrix, bias: [Float], function: ElementFunction) {
        precondition(bias.count == weight.rows, "the bias has a number for each output")
        (inputs, outputs) = (weight.columns, weight.rows)
        (self.weight, self.bias, self.function) = (weight, bias, function)
        panels = weight.withView { PackedMatrix($0.transposed) }
    }

    /// y [texts, outputs] of x [texts, inputs], and the way back to x.
    package func forward(_ x: Matrix) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix) -> Matrix) {
        var z = Matrix(uninitializedRows: x.rows, columns: outputs)
        x.withView { x in
            z.withMutableView { z in
                bias.withUnsafeBufferPointer { Product.compute(x, panels, bias: $0.baseAddress, into: z) }
            }
        }
        let (y, functionPullback) = function.forward(z)
        return (
            y,
            { [weight] dy in
                let dz = functionPullback(dy)
                var dx = Matrix(uninitializedRows: dz.rows, columns: weight.columns)
                withViews(dz, weight) { views in
                    dx.withMutableView { Product.compute(views[0], views[1], into: $0) }
                }
                return dx
            }
        )
    }
}

extension SentenceDense {
    /// The classes of torch.nn that a folder may name, without their packages.
    private static let functions: [(name: String, function: ElementFunction)] = [
        ("Identity", .identity), ("Tanh", .tanh), ("ReLU", .relu), ("GELU", .gelu), ("SiLU", .silu),
        ("Sigmoid", .sigmoid),
    ]

    /// Reads the folder of a `Dense` module whose input is `inputs` wide.
    init(contentsOf folder: URL, inputs: Int) throws(EncoderError) {
        do {
            let fields = try JSONFields(contentsOf: folder.appending(path: "config.json"))
            let names = ["module_input_name", "module_output_name"]
            try fields.checkNames(["in_features", "out_features", "bias", "activation_function"] + names)
            for name in names {
                _ = try fields.choice(name, default: "sentence_embedding", of: [("sentence_embedding", ())])
            }
            let (width, outputs) = (try fields.positive("in_features"), try fields.positive("out_features"))
            try fields.check(
                "in_features", width, "\(inputs), the width of what the module before gives", width == inputs)
            let function = try SentenceDense.function(fields)
            let hasBias = try fields.flag("bias", default: true)
            let weights = try SentenceWeights(
                contentsOf: folder, hasBias ? ["linear.weight", "linear.bias"] : ["linear.weight"])
            self.init(
                weight: Matrix(
                    rows: outputs, columns: inputs,
                    values: try weights.floats("linear.weight", shape: [outputs, inputs])),
                bias: hasBias
                    ? try weights.floats("linear.bias", shape: [outputs]) : [Float](repeating: 0, count: outputs),
                function: function)
        } catch let error as JSONFieldsError { throw .configuration(error) } catch let error as EncoderError {
            throw error
        } catch { preconditionFailure("reading a module throws no other errors") }
    }

    /// `torch.nn.modules.activation.Tanh` and its like; Tanh where nothing is said.
    private static func function(_ fields: JSONFields) throws(JSONFieldsError) -> ElementFunction {
        let field = "activation_function"
        let path = try fields.text(field) ?? "torch.nn.Tanh"
        let found =
            functions.first { path == "torch.nn.\($0.name)" }
            ?? functions.first {
                path.hasPrefix("torch.nn.modules.") && path.split(separator: ".").last == $0.name[...]
            }
        guard let found else {
            let names = functions.map(\.name).joined(separator: ", ")
            throw fields.invalid(field, path, "torch.nn.modules.activation. and one of \(names)")
        }
        return found.function
    }
}
