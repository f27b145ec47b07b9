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
        return logits(of: hidden, batch, pass, encoderPullback: encoderPullback)
    }

    /// Logits [texts, labels] of final hidden states, and the way back through the head and `encoderPullback`.
    func logits(
        of hidden: Matrix, _ batch: PackedBatch, _ pass: Pass, encoderPullback: @escaping Pullback
    ) -> (logits: Matrix, pullback: Pullback) {
        // Without adapters nothing below the head trains.
        let reachesEncoder = pass.demand == .parameters && adapters.lowestLayer != nil
        var headPass = pass
        if reachesEncoder { headPass.demand = .parametersAndInput }
        let (logits, headPullback) = head.forward(hidden, batch, headPass)
        return (
            logits,
            { dLogits, gradients in
                let dHidden = headPullback(dLogits, &gradients)
                return dHidden.count > 0 ? encoderPullback(dHidden, &gradients) : .empty
            }
        )
    }

    /// softmax of the logits of each text, in the order of the texts.
    public func probabilities(_ texts: [TokenizedText], _ parameters: ParameterVector) -> [[Float]] {
        let pass = Pass(parameters: parameters)
        return probabilities(lengths: texts.map(\.ids.count)) { forward(Batching.pack($0, texts), pass).logits }
    }

    /// softmax of the logits that `logits` gives of the texts at some indices, in the order of the texts.
    func probabilities(lengths: [Int], _ logits: (_ indices: [Int]) -> Matrix) -> [[Float]] {
        let parts = Batching.parts(Array(lengths.indices), lengths: lengths)
        let results = Batching.map(parts.count) { SoftmaxCrossEntropy.probabilities(logits(parts[$0])) }
        var probabilities = [[Float]](repeating: [], count: lengths.count)
        for (part, result) in zip(parts, results) {
            for (row, text) in part.enumerated() { probabilities[text] = result.row(row) }
        }
        return probabilities
    }

    /// Scores on texts whose labels are known.
    public func evaluate(on texts: TrainingTexts, _ parameters: ParameterVector) -> ClassificationMetrics {
        scores(probabilities(texts.texts, parameters), of: texts)
    }

    /// The same from features that are kept.
    func evaluate(_ features: FrozenFeatures, _ parameters: ParameterVector) -> ClassificationMetrics {
        let pass = Pass(parameters: parameters)
        let probabilities = probabilities(lengths: features.rowCounts) { indices in
            let batch = Batching.pack(indices, features.texts.texts)
            return forward(from: features.features(of: indices, batch), batch, pass).logits
        }
        return scores(probabilities, of: features.texts)
    }

    private func scores(_ probabilities: [[Float]], of texts: TrainingTexts) -> ClassificationMetrics {
        ClassificationMetrics(
            targets: texts.targets, predictions: probabilities.map(\.indexOfLargest), labels: head.labels)
    }
}
