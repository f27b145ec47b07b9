import Encoders
import Matrices

/// The layers of a head, all of which train: those of its shape, and the output layer; or none.
public struct HeadNetwork: Sendable {
    /// What is before the output layer.
    public let shape: HeadShape
    /// The width of the vectors that it sees.
    public let inputs: Int
    /// The layer that it ends in; nil where there are no layers.
    public let output: HeadLinear?
    private let dense: HeadLinear?
    private let norm: HeadNorm?

    /// Layers from vectors of one width to outputs.
    public init(inputs: Int, outputs: Int, shape: HeadShape = .linear) {
        (self.shape, self.inputs) = (shape, inputs)
        output = HeadLinear(inputs: inputs, outputs: outputs)
        dense = shape.dense.map {
            HeadLinear(inputs: inputs, outputs: inputs, name: "head.dense", hasBias: $0.hasBias)
        }
        norm = shape.dense?.norm.map { HeadNorm(width: inputs, $0) }
    }

    /// No layers: vectors of the given width pass as they are.
    public init(passing width: Int) { (shape, inputs, output, dense, norm) = (.linear, width, nil, nil, nil) }

    /// What trains.
    public var parameters: [Parameter] {
        (dense?.parameters ?? []) + (norm?.parameters ?? []) + (output?.parameters ?? [])
    }

    /// The axes of a parameter's tensor in a file.
    static func extents(of parameter: Parameter) -> [Int] {
        let isVector = parameter.name.hasSuffix(".bias") || parameter.name == HeadNorm.weightName
        return isVector ? [parameter.columns] : [parameter.rows, parameter.columns]
    }

    /// The start of PyTorch's layers, a function of the seed.
    func initialize(_ values: inout ParameterVector, seed: UInt64) {
        dense?.initialize(&values, seed: seed)
        norm?.initialize(&values)
        output?.initialize(&values, seed: seed)
    }

    /// y [rows, outputs] of x [rows, inputs]. The pullback gives dx only where the pass demands it.
    package func forward(_ x: Matrix, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        guard let output else { return (x, { dy, _ in dy }) }
        guard shape != .linear else { return output.forward(x, pass) }
        // As the encoder's own dropout, which an option may switch off.
        func mask(_ name: String, _ rate: Float) -> Matrix.Mask? {
            pass.dropsInsideEncoder ? pass.mask(name, rate: rate) : nil
        }
        let inputMask = mask("head.input", shape.inputDropout)
        let outputMask = mask("head.output", shape.outputDropout)
        var upperPass = pass
        if pass.demand > .nothing, dense != nil { upperPass.demand = .parametersAndInput }

        var state = x
        if let inputMask { state.drop(inputMask) }
        var pullbacks: [Pullback] = []
        if let dense, let function = shape.dense?.function {
            let (z, densePullback) = dense.forward(state, pass)
            let (a, functionPullback) = function.forward(z)
            pullbacks += [densePullback, { dy, _ in functionPullback(dy) }]
            state = a
        }
        if let norm {
            let (y, normPullback) = norm.forward(state, pass)
            pullbacks.append(normPullback)
            state = y
        }
        if let outputMask { state.drop(outputMask) }
        let (y, outputPullback) = output.forward(state, upperPass)
        return (
            y,
            { [pullbacks] dy, gradients in
                var dx = outputPullback(dy, &gradients)
                guard dx.count > 0 else { return .empty }
                if let outputMask { dx.drop(outputMask) }
                for pullback in pullbacks.reversed() { dx = pullback(dx, &gradients) }
                guard pass.demand == .parametersAndInput else { return .empty }
                if let inputMask { dx.drop(inputMask) }
                return dx
            }
        )
    }
}
