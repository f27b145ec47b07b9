import Adapters
import Encoders
import Matrices
import Tokenizers

/// A frozen encoder with one task's adapters and head: what the trainer trains and an adapter folder holds.
///
/// The numbers that train are elsewhere, in a ``ParameterVector``.
public struct ClassificationModel: Sendable {
    /// Shared among tasks.
    public let encoder: TransformerEncoder
    /// Where the encoder is changed.
    public let adapters: AdapterSet
    /// From hidden states to logits.
    public let head: ClassificationHead

    /// The given parts.
    public init(encoder: TransformerEncoder, adapters: AdapterSet, head: ClassificationHead) {
        (self.encoder, self.adapters, self.head) = (encoder, adapters, head)
    }

    /// What trains: adapters, then the head.
    public var parameters: [Parameter] { adapters.parameters + head.parameters }

    /// Logits [texts, labels] of a batch, and the way back to the gradients of what trains.
    public func forward(_ batch: PackedBatch, _ pass: Pass) -> (logits: Matrix, pullback: Pullback) {
        let (hidden, encoderPullback) = encoder.forward(batch, adapters: adapters, pass)
        // Without adapters nothing below the head trains.
        let reachesEncoder = pass.demand == .parameters && adapters.lowestLayer != nil
        var headPass = pass
        if reachesEncoder { headPass.demand = .parametersAndInput }
        let mark = Profile.enter(.head)
        defer { mark.leave() }
        let (logits, headPullback) = head.forward(hidden, batch, headPass)
        return (
            logits,
            { dLogits, gradients in
                let mark = Profile.enter(.head)
                let dHidden = headPullback(dLogits, &gradients)
                mark.leave()
                return dHidden.count > 0 ? encoderPullback(dHidden, &gradients) : .empty
            }
        )
    }

    /// softmax of the logits of each text, in the order of the texts.
    public func probabilities(_ texts: [TokenizedText], _ parameters: ParameterVector) -> [[Float]] {
        let parts = Batching.parts(Array(texts.indices), lengths: texts.map(\.ids.count))
        let results = Parallel.map(parts.count) { part in
            let (logits, _) = forward(Batching.pack(parts[part], texts), Pass(parameters: parameters))
            return SoftmaxCrossEntropy.probabilities(logits)
        }
        var probabilities = [[Float]](repeating: [], count: texts.count)
        for (part, result) in zip(parts, results) {
            for (row, text) in part.enumerated() {
                probabilities[text] = (0..<result.columns).map { result[row, $0] }
            }
        }
        return probabilities
    }

    /// Scores on texts whose labels are known.
    public func evaluate(on texts: TrainingTexts, _ parameters: ParameterVector) -> ClassificationMetrics {
        let predictions = probabilities(texts.texts, parameters).map(\.indexOfLargest)
        return ClassificationMetrics(targets: texts.targets, predictions: predictions, labels: head.labels)
    }
}
