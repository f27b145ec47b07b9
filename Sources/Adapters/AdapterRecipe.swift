import Encoders

/// What is asked of a new adapter: the method, its settings, and where it goes.
public struct AdapterRecipe: Sendable, Equatable {
    /// Rank of the low-rank update.
    public var rank: Int
    /// Numerator of its scale.
    public var alpha: Float
    /// Scale by alpha / √rank and not alpha / rank.
    public var isRankStabilized: Bool
    /// Share of the input dropped on the low-rank path in training.
    public var dropoutRate: Float
    /// The linear maps to adapt; nil: those that are usual for the encoder's family.
    public var projections: [Projection]?
    /// The layers to adapt; nil: all.
    public var layers: [Int]?

    /// LoRA with the field's usual settings: rank 8, alpha 16, in every layer.
    public init(
        rank: Int = 8, alpha: Float = 16, isRankStabilized: Bool = false, dropoutRate: Float = 0,
        projections: [Projection]? = nil, layers: [Int]? = nil
    ) {
        (self.rank, self.alpha, self.isRankStabilized) = (rank, alpha, isRankStabilized)
        (self.dropoutRate, self.projections, self.layers) = (dropoutRate, projections, layers)
    }

    /// s of rank and alpha.
    var scale: Float {
        isRankStabilized ? alpha / Float(rank).squareRoot() : alpha / Float(rank)
    }

    /// The linear maps that are meant on an encoder.
    public func projections(for config: EncoderConfig) -> [Projection] {
        projections ?? config.family.adapterTargets
    }

    /// Adapters on the asked sites of `encoder`, with starting values: a function of the seed and of the site's name.
    ///
    /// - Throws: ``AdapterError`` where a layer or a linear map does not exist, or nothing is targeted.
    public func fresh(
        for encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let config = encoder.config
        let existing = 0..<config.distinctLayers
        for layer in layers ?? [] where !existing.contains(layer) {
            throw .noSuchLayer(layer, layers: existing.count)
        }
        var linear: [Site: LoRA] = [:]
        for layer in layers ?? Array(existing) {
            for projection in projections(for: config) {
                let site = Site(layer: layer, projection: projection)
                guard let (inputs, outputs) = config.extents(of: projection) else {
                    throw .noSuchProjection(
                        projection, family: config.family.modelType, available: config.projections)
                }
                linear[site] = LoRA(
                    name: site.description, inputs: inputs, outputs: outputs, rank: rank, scale: scale,
                    dropoutRate: dropoutRate)
            }
        }
        guard !linear.isEmpty else { throw .nothingTargeted }
        let adapters = AdapterSet(linear)
        var parameters = ParameterVector(adapters.parameters)
        for adapter in linear.values { adapter.initialize(&parameters, seed: seed) }
        return (adapters, parameters)
    }
}
