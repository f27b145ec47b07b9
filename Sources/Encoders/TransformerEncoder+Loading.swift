import Matrices

extension Embeddings {
    /// Reads the embeddings of a checkpoint.
    init(
        _ config: EncoderConfig, _ names: CheckpointNames, _ checkpoint: Checkpoint, _ precision: Precision
    ) throws(EncoderError) {
        let width = config.embeddingSize
        let rows = config.firstPosition + config.maximumPositions
        let words = try checkpoint.tensor(names.wordEmbeddings, shape: [config.vocabularySize, width])
        var (positions, segments, norm, projection) = (Matrix?.none, Matrix?.none, Norm?.none, FrozenLinear?.none)
        if let name = names.positionEmbeddings {
            positions = try checkpoint.table(name, rows: rows, columns: width)
        }
        if let name = names.segmentEmbeddings, config.segments > 0 {
            segments = try checkpoint.table(name, rows: config.segments, columns: width)
        }
        if let module = names.embeddingNorm { norm = try checkpoint.norm(module, config, width: width) }
        if let module = names.embeddingProjection {
            projection = try checkpoint.linear(
                module, inputs: width, outputs: config.hiddenSize, precision, reading: norm)
        }
        self.init(
            words: .mapped(words), positions: positions, firstPosition: config.firstPosition,
            paddingToken: config.paddingToken, segments: segments, norm: norm,
            dropout: Dropout(rate: config.embeddingDropout ?? config.hiddenDropout, name: "embeddings"),
            projection: projection)
    }
}

extension EncoderLayer {
    /// Reads the layer `index` of a checkpoint, among those that have weights of their own.
    init(
        index: Int, _ config: EncoderConfig, _ names: CheckpointNames, _ checkpoint: Checkpoint,
        _ precision: Precision, _ positions: LoadedPositions
    ) throws(EncoderError) {
        let path = names.layer(index)
        func norm(_ module: String?) throws(EncoderError) -> Norm? {
            guard let module else { return nil }
            return try checkpoint.norm(module, config, width: config.hiddenSize)
        }
        let hasAttentionNorm = !config.isPreNorm || index > 0 || config.normsFirstLayer
        let attentionNorm = try norm(hasAttentionNorm ? "\(path).\(names.attentionNorm)" : nil)
        let outputNorm = try checkpoint.norm("\(path).\(names.outputNorm)", config, width: config.hiddenSize)
        // The norms whose output attention and the feed-forward block read: in post-norm layers those before them.
        let below = index > 0 ? "\(names.layer(index - 1)).\(names.outputNorm)" : names.embeddingNorm
        let areBelowNormed =
            config.distinctLayers == config.layers && (index > 0 || names.embeddingProjection == nil)
        let readByAttention = config.isPreNorm ? attentionNorm : try norm(areBelowNormed ? below : nil)
        let readByFeedForward = config.isPreNorm ? outputNorm : attentionNorm

        var linear: [Projection: FrozenLinear] = [:]
        for projection in config.projections {
            guard let (inputs, outputs) = config.extents(of: projection) else { continue }
            let read: Norm? =
                switch projection {
                case .query, .key, .value, .queryKeyValue: readByAttention
                case .gate, .intermediate: readByFeedForward
                case .attentionOutput, .output: nil
                }
            let isInAttention = projection.order <= Projection.attentionOutput.order
            linear[projection] = try checkpoint.linear(
                names.module(of: Site(layer: index, projection: projection)), inputs: inputs, outputs: outputs,
                hasBias: isInAttention ? config.attentionHasBias : config.feedForwardHasBias, precision,
                reading: read)
        }
        maps = LayerMaps(layer: index, linear: linear)
        self.index = index
        wiring = config.blockWiring
        attention = AttentionBlock(
            kind: try positions.relative(index, config, names, checkpoint, precision)
                ?? .plain(Attention(config, layer: index, precision, positions)))
        (feedForward, norms) = EncoderLayer.rowSteps(index, config, attentionNorm, outputNorm)
    }

    /// What follows attention in the layer that runs at `index`: its dropout is named after that.
    private static func rowSteps(
        _ index: Int, _ config: EncoderConfig, _ attentionNorm: Norm?, _ outputNorm: Norm
    ) -> (FeedForward, LayerNorms) {
        func dropout(_ name: String, _ rate: Float) -> Dropout { Dropout(rate: rate, name: "layer.\(index).\(name)") }
        let attended = dropout("attentionOutput", config.attentionOutputDropout ?? config.hiddenDropout)
        let expanded = dropout("output", config.outputDropout ?? config.hiddenDropout)
        let activation = Activation(
            kind: config.activation, dropout: dropout("activation", config.activationDropout))
        let feedForward = FeedForward(shape: config.feedForward, activation: activation)
        if !config.isPreNorm, let attentionNorm {
            let norms = PostNorms(
                attention: ResidualNorm(dropout: attended, norm: attentionNorm),
                feedForward: ResidualNorm(dropout: expanded, norm: outputNorm))
            return (feedForward, .behind(norms))
        }
        let norms = PreNorms(
            attention: attentionNorm, feedForward: ResidualNorm(dropout: attended, norm: outputNorm),
            dropout: expanded)
        return (feedForward, .before(norms))
    }

    /// The layer with these weights that runs at `index`.
    func running(
        at index: Int, _ config: EncoderConfig, _ precision: Precision, _ positions: LoadedPositions
    ) -> EncoderLayer {
        guard index != self.index else { return self }
        let steps = EncoderLayer.rowSteps(index, config, norms.attention, norms.feedForward)
        return EncoderLayer(
            index: index, maps: maps,
            attention: AttentionBlock(kind: .plain(Attention(config, layer: index, precision, positions))),
            feedForward: steps.0, norms: steps.1, wiring: wiring)
    }
}

extension Attention {
    /// The attention of the layer that runs at `layer`.
    init(_ config: EncoderConfig, layer: Int, _ precision: Precision, _ positions: LoadedPositions) {
        self.init(
            heads: config.heads, width: config.headWidth, dropoutRate: config.attentionDropout,
            name: "layer.\(layer).attention", precision: precision,
            positions: positions.positions(of: layer, config))
    }
}

/// What layers know of positions, read once for all of them.
struct LoadedPositions: Sendable {
    private var bias: PositionBias?
    private var rotary, localRotary: RotaryPositions?
    private var relative: RelativePositionTable?

    /// Reads the table of a relative bias, and computes the turns of rotary positions.
    init(_ config: EncoderConfig, _ names: CheckpointNames, _ checkpoint: Checkpoint) throws(EncoderError) {
        let maximum = config.maximumPositions
        if let relative = config.relativeBias, let name = names.relativeBias {
            let table = try checkpoint.table(name, rows: relative.buckets, columns: config.heads)
            bias = PositionBias(heads: config.heads, maximum: maximum) { head, distance in
                table[relative.bucket(distance), head]
            }
        }
        if let disentangled = config.disentangled, let relative = names.relativePositions {
            let rows = try checkpoint.table(
                relative.table, rows: 2 * disentangled.distances.span, columns: config.hiddenSize)
            let norm =
                disentangled.isNormed
                ? try checkpoint.norm(relative.norm, config, width: config.hiddenSize) : nil
            self.relative = RelativePositionTable(norm?.forward(rows, isBackwardRun: false).y ?? rows)
        }
        if let turns = config.rotary {
            rotary = RotaryPositions(width: config.headWidth, base: turns.base, maximum: maximum)
            localRotary =
                config.localAttention == nil || turns.localBase == turns.base
                ? rotary : RotaryPositions(width: config.headWidth, base: turns.localBase, maximum: maximum)
        }
    }

    /// The attention of the layer `index` where it is DeBERTa's.
    func relative(
        _ index: Int, _ config: EncoderConfig, _ names: CheckpointNames, _ checkpoint: Checkpoint,
        _ precision: Precision
    ) throws(EncoderError) -> AttentionBlock.Kind? {
        guard let disentangled = config.disentangled, let relative, let modules = names.relativePositions else {
            return nil
        }
        func side(
            _ exists: Bool, _ projection: Projection, _ module: String
        ) throws(EncoderError) -> RelativePositions.Side? {
            guard exists else { return nil }
            if disentangled.sharesMaps { return .shared(projection) }
            return .own(
                try checkpoint.linear(
                    "\(names.layer(index)).\(module)", inputs: config.hiddenSize,
                    outputs: config.heads * config.headWidth, precision))
        }
        let attention = DisentangledAttention(
            heads: config.heads, width: config.headWidth, distances: disentangled.distances,
            dropoutRate: config.attentionDropout, name: "layer.\(index).attention", precision: precision)
        return .disentangled(
            attention,
            RelativePositions(
                table: relative, distances: disentangled.distances,
                key: try side(disentangled.hasKeyTerm, .key, modules.key),
                query: try side(disentangled.hasQueryTerm, .query, modules.query),
                dropout: Dropout(rate: config.hiddenDropout, name: "layer.\(index).relativePositions")))
    }

    /// Those of the layer that runs at `index`.
    func positions(of index: Int, _ config: EncoderConfig) -> AttentionPositions {
        let isLocal = config.isLocal(index)
        return AttentionPositions(
            bias: bias, rotary: isLocal ? localRotary : rotary, reach: isLocal ? config.localAttention?.reach : nil,
            scale: config.attentionScale)
    }
}
