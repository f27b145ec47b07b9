import Adapters
import Encoders
import Matrices
import Tokenizers

/// A frozen encoder with one task's adapters and head: what the trainer trains and an adapter folder holds.
///
/// The numbers that train are elsewhere, in a ``ParameterVector``.
public struct TaskModel: Sendable {
    /// Shared among tasks.
    public let encoder: TransformerEncoder
    /// Where the encoder is changed.
    public let adapters: AdapterSet
    /// From hidden states to answers.
    public let head: any Head

    /// The given parts.
    public init(encoder: TransformerEncoder, adapters: AdapterSet, head: any Head) {
        (self.encoder, self.adapters, self.head) = (encoder, adapters, head)
    }

    /// What trains: adapters, then the head.
    public var parameters: [Parameter] { adapters.parameters + head.parameters }

    /// The head's outputs for a batch, and the way back to the gradients of what trains.
    public func forward(_ batch: PackedBatch, _ pass: Pass) -> (outputs: Matrix, pullback: Pullback) {
        let (hidden, encoderPullback) = encoder.forward(batch, adapters: adapters, pass)
        // Without adapters nothing below the head trains.
        let reachesEncoder = pass.demand == .parameters && adapters.lowestLayer != nil
        var headPass = pass
        if reachesEncoder { headPass.demand = .parametersAndInput }
        let (outputs, headPullback) = head.forward(hidden, batch, headPass)
        return (
            outputs,
            { dOutputs, gradients in
                let dHidden = headPullback(dOutputs, &gradients)
                return dHidden.count > 0 ? encoderPullback(dHidden, &gradients) : .empty
            }
        )
    }

    /// The head's outputs for each text, in the order of the texts: a matrix each, of as many rows as the head gives a text.
    public func outputs(_ texts: [TokenizedText], _ parameters: ParameterVector) -> [Matrix] {
        let parts = Batching.parts(Array(texts.indices), lengths: texts.map(\.ids.count))
        let results = Parallel.map(parts.count) { part in
            let batch = Batching.pack(parts[part], texts)
            let (outputs, _) = forward(batch, Pass(parameters: parameters))
            return parts[part].indices.map { outputs.rows(head.rows(of: $0, in: batch)) }
        }
        var outputs = [Matrix](repeating: .empty, count: texts.count)
        for (part, result) in zip(parts, results) {
            for (text, rows) in zip(part, result) { outputs[text] = rows }
        }
        return outputs
    }

    /// Scores on texts of which the answers are known.
    public func evaluate(on texts: TrainingTexts, _ parameters: ParameterVector) -> Scores {
        head.scores(outputs(texts.texts, parameters), texts.targets)
    }
}

extension Matrix {
    /// Some rows, as a matrix of their own.
    fileprivate func rows(_ range: Range<Int>) -> Matrix {
        withBuffer {
            Matrix(
                rows: range.count, columns: columns, values: $0[range.lowerBound * columns..<range.upperBound * columns]
            )
        }
    }
}
