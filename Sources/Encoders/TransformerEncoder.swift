import Foundation
import Matrices
import Safetensors

/// A frozen pretrained encoder: embeddings and transformer layers, whose linear maps adapters can change for one call.
///
/// A value without state: many adapters share one encoder, and switching between them copies no weights.
public struct TransformerEncoder: Sendable {
    /// What `config.json` says.
    public let config: EncoderConfig
    /// Identifies the frozen weights; see ``BaseFingerprint``.
    public let fingerprint: BaseFingerprint
    /// How the frozen weights are held.
    public let precision: Precision
    let embeddings: Embeddings
    var layers: [EncoderLayer]

    /// Reads a Hugging Face model folder (`config.json`, `model.safetensors` or its shards) and packs the weights.
    ///
    /// - Throws: ``EncoderError`` naming the file and the field or tensor.
    public init(contentsOf folder: URL, precision: Precision = .float32) throws(EncoderError) {
        try self.init(contentsOf: folder, precision: precision, beside: {})
    }

    /// The same, with `work` done by one of the threads while the others pack the layers; not at all if the folder is refused
    /// before.
    package init(
        contentsOf folder: URL, precision: Precision, beside work: () -> Void
    ) throws(EncoderError) {
        let config = try EncoderConfig(contentsOf: folder)
        let names = CheckpointNames(config.family)
        let checkpoint = try Checkpoint(contentsOf: folder, names)
        func table(_ name: String, rows: Int) throws(EncoderError) -> Matrix {
            try checkpoint.tensor(name, shape: [rows, config.hiddenSize]).checkedMatrix()
        }
        self.config = config
        self.precision = precision
        embeddings = Embeddings(
            words: try checkpoint.tensor(
                names.wordEmbeddings, shape: [config.vocabularySize, config.hiddenSize]),
            positions: try table(names.positionEmbeddings, rows: config.maximumPositions),
            segments: try table(names.segmentEmbeddings, rows: config.segments),
            norm: try checkpoint.norm(names.embeddingNorm, config),
            dropout: Dropout(rate: config.hiddenDropout, name: "embeddings"))
        let loaded = Parallel.map(config.layers + 1) { turn -> Result<EncoderLayer, EncoderError>? in
            if turn == 0 {
                work()
                return nil
            }
            return Result { () throws(EncoderError) in
                try EncoderLayer(index: turn - 1, config, names, checkpoint, precision)
            }
        }
        var layers: [EncoderLayer] = []
        for layer in loaded.compactMap({ $0 }) { layers.append(try layer.get()) }
        self.layers = layers
        fingerprint = BaseFingerprint(checkpoint.used)
        checkpoint.releasePages()
    }

    /// The hidden states [tokens, hidden] of a batch.
    ///
    /// The pullback takes their gradient down to the lowest adapted layer and no further; it gives the gradient at the
    /// embeddings if the pass demands the input's gradient.
    ///
    /// - Precondition: token ids are below the vocabulary size, texts no longer than the maximum positions.
    public func forward(
        _ batch: PackedBatch, adapters: AdapterSet, _ pass: Pass
    ) -> (hidden: Matrix, pullback: Pullback) {
        precondition(
            batch.sequences.allSatisfy { $0.count <= config.maximumPositions },
            "a text is at most \(config.maximumPositions) tokens long")
        return forward(embeddings.forward(batch, pass), entering: 0, batch, adapters: adapters, pass)
    }

    // MARK: In two parts

    /// The states [tokens, hidden] that enter `layer` as the base alone gives them: no adapter, no dropout, no way back.
    /// After the last layer, they are the hidden states.
    ///
    /// A text has the same states, bit for bit, in whatever batch it is.
    package func states(entering layer: Int, _ batch: PackedBatch) -> Matrix {
        let pass = Pass(parameters: ParameterVector([]))
        return run(embeddings.forward(batch, pass), layers[..<layer], batch, .none, pass).hidden
    }

    /// The hidden states [tokens, hidden] of a batch from the states that enter `layer`, by it and the layers above. The
    /// pullback is that of the whole encoder, but ends here.
    package func forward(
        _ states: Matrix, entering layer: Int, _ batch: PackedBatch, adapters: AdapterSet, _ pass: Pass
    ) -> (hidden: Matrix, pullback: Pullback) {
        precondition(states.rows == batch.tokens.count, "each token has a state")
        precondition(adapters.lowestLayer ?? layer >= layer, "no adapter lies below the layers that run")
        let (hidden, pullbacks) = run(states, layers[layer...], batch, adapters, pass)
        return (
            hidden,
            { dy, gradients in
                var dy = dy
                for pullback in pullbacks.reversed() where dy.count > 0 { dy = pullback(dy, &gradients) }
                return dy
            }
        )
    }

    /// The embeddings and the output of each layer, for looking inside.
    package func hiddenStates(_ batch: PackedBatch, _ pass: Pass = Pass(parameters: ParameterVector([]))) -> [Matrix] {
        var states = [embeddings.forward(batch, pass)]
        _ = run(states[0], layers[...], batch, .none, pass) { states.append($0) }
        return states
    }

    private func run(
        _ states: Matrix, _ layers: ArraySlice<EncoderLayer>, _ batch: PackedBatch, _ adapters: AdapterSet,
        _ pass: Pass, observe: (Matrix) -> Void = { _ in }
    ) -> (hidden: Matrix, pullbacks: [Pullback]) {
        var hidden = states
        var pullbacks: [Pullback] = []
        for layer in layers {
            let demand = demand(of: layer.index, adapters, pass)
            let (y, pullback) = layer.forward(hidden, batch, adapters, pass.demanding(demand))
            hidden = y
            observe(hidden)
            if demand > .nothing { pullbacks.append(pullback) }
        }
        return (hidden, pullbacks)
    }

    /// What one layer's backward has to give, so that nothing is computed or kept below the lowest adapter.
    private func demand(of layer: Int, _ adapters: AdapterSet, _ pass: Pass) -> GradientDemand {
        guard pass.demand == .parameters else { return pass.demand }
        guard let lowest = adapters.lowestLayer, layer >= lowest else { return .nothing }
        return layer == lowest ? .parameters : .parametersAndInput
    }

    /// The frozen linear map at a site.
    public subscript(site: Site) -> FrozenLinear { layers[site.layer].linear[site.projection] }

    /// The same encoder with some linear maps replaced; all others are shared.
    package func replacing(_ linear: [Site: FrozenLinear]) -> TransformerEncoder {
        var encoder = self
        for (site, map) in linear { encoder.layers[site.layer].linear[site.projection] = map }
        return encoder
    }

    /// Inputs and outputs of a linear map of this encoder.
    package func extents(of projection: Projection) -> (inputs: Int, outputs: Int) {
        let linear = layers[0].linear[projection]
        return (linear.inputs, linear.outputs)
    }
}

extension EncoderLayer {
    /// Reads the layer `index` of a checkpoint.
    init(
        index: Int, _ config: EncoderConfig, _ names: CheckpointNames, _ checkpoint: Checkpoint,
        _ precision: Precision
    ) throws(EncoderError) {
        let (hidden, intermediate) = (config.hiddenSize, config.intermediateSize)
        let inputNorm = try checkpoint.norm(
            index == 0 ? names.embeddingNorm : names.outputNorm(layer: index - 1), config)
        let attentionNorm = try checkpoint.norm(names.attentionNorm(layer: index), config)
        func linear(
            _ projection: Projection, _ inputs: Int, _ outputs: Int, reading norm: LayerNorm? = nil
        ) throws(EncoderError) -> FrozenLinear {
            let module = names.module(of: Site(layer: index, projection: projection))
            return try checkpoint.linear(module, inputs: inputs, outputs: outputs, precision, reading: norm)
        }
        self.init(
            index: index,
            linear: LinearMaps(
                query: try linear(.query, hidden, hidden, reading: inputNorm),
                key: try linear(.key, hidden, hidden, reading: inputNorm),
                value: try linear(.value, hidden, hidden, reading: inputNorm),
                attentionOutput: try linear(.attentionOutput, hidden, hidden),
                intermediate: try linear(.intermediate, hidden, intermediate, reading: attentionNorm),
                output: try linear(.output, intermediate, hidden)),
            attention: Attention(
                heads: config.heads, dropoutRate: config.attentionDropout, name: "layer.\(index).attention",
                precision: precision),
            attentionNorm: ResidualNorm(
                dropout: Dropout(rate: config.hiddenDropout, name: "layer.\(index).attentionOutput"),
                norm: attentionNorm),
            outputNorm: ResidualNorm(
                dropout: Dropout(rate: config.hiddenDropout, name: "layer.\(index).output"),
                norm: try checkpoint.norm(names.outputNorm(layer: index), config)),
            activation: Activation(tanhForm: config.usesTanhGelu))
    }
}
