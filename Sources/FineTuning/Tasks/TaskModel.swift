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
        return outputs(of: hidden, batch, pass, encoderPullback: encoderPullback)
    }

    /// The head's outputs for final hidden states, and the way back through the head and `encoderPullback`.
    func outputs(
        of hidden: Matrix, _ batch: PackedBatch, _ pass: Pass, encoderPullback: @escaping Pullback
    ) -> (outputs: Matrix, pullback: Pullback) {
        let mark = Profile.enter(.head)
        defer { mark.leave() }
        // Without adapters nothing below the head trains.
        let reachesEncoder = pass.demand == .parameters && !adapters.isEmpty
        var headPass = pass
        if reachesEncoder { headPass.demand = .parametersAndInput }
        let (pooled, poolingPullback) = head.pool(hidden, batch)
        let (outputs, outputPullback) = head.network.forward(pooled, headPass)
        return (
            outputs,
            { [demand = headPass.demand] dOutputs, gradients in
                let mark = Profile.enter(.head)
                let dPooled = outputPullback(dOutputs, &gradients)
                let dHidden = demand == .parametersAndInput ? poolingPullback(dPooled) : .empty
                mark.leave()
                return demand == .parametersAndInput ? encoderPullback(dHidden, &gradients) : .empty
            }
        )
    }

    /// The head's outputs for each text, in the order of the texts: a matrix each, of as many rows as the head gives a text.
    public func outputs(_ texts: [TokenizedText], _ parameters: ParameterVector) -> [Matrix] {
        outputs(texts, Pass(parameters: parameters))
    }

    private func outputs(_ texts: [TokenizedText], _ pass: Pass) -> [Matrix] {
        let tokens = texts.map(\.ids.count)
        return outputs(tokens: tokens, cost: tokens) { forward(Batching.pack($0, texts), pass).outputs }
    }

    /// The outputs that `outputs` gives of the texts at some indices, each text's for itself, in the order of the texts.
    ///
    /// - Parameters:
    ///   - tokens: of each text.
    ///   - cost: what parts are cut by: rows that each text has in what is computed.
    func outputs(tokens: [Int], cost: [Int], _ outputs: (_ indices: [Int]) -> Matrix) -> [Matrix] {
        let parts = Batching.parts(Array(tokens.indices), lengths: cost)
        let results = Batching.map(parts.count) { separated(outputs(parts[$0]), tokens: parts[$0].map { tokens[$0] }) }
        var separate = [Matrix](repeating: .empty, count: tokens.count)
        for (part, result) in zip(parts, results) {
            for (text, outputs) in zip(part, result) { separate[text] = outputs }
        }
        return separate
    }

    /// The same as ``outputs(_:_:)`` where the texts are one part of more: in one batch, unless windows of a long one make it
    /// too large.
    func outputs(ofPart texts: [TokenizedText], _ pass: Pass) -> [Matrix] {
        let tokens = texts.map(\.ids.count)
        guard texts.count > 1, tokens.reduce(0, +) > 2 * Batching.tokenBudget else {
            let batch = Batching.pack(Array(texts.indices), texts)
            return separated(forward(batch, pass).outputs, tokens: tokens)
        }
        return outputs(texts, pass)
    }

    /// The outputs for the hidden states of a batch, each text's for itself.
    func outputs(of hidden: Matrix, _ batch: PackedBatch, _ pass: Pass) -> [Matrix] {
        let outputs = outputs(of: hidden, batch, pass, encoderPullback: { _, _ in .empty }).outputs
        return separated(outputs, tokens: batch.sequences.map(\.count))
    }

    /// The outputs of a batch of texts of so many tokens, each text's for itself.
    private func separated(_ outputs: Matrix, tokens: [Int]) -> [Matrix] {
        var start = 0
        return tokens.map { count in
            let end = start + head.rows(ofTokens: count)
            defer { start = end }
            return outputs.rows(start..<end)
        }
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
                rows: range.count, columns: columns,
                values: $0[range.lowerBound * columns..<range.upperBound * columns])
        }
    }
}
