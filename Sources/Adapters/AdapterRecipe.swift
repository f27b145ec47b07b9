import Encoders

/// What is asked of a new adapter: the method with its settings, and where it goes.
public struct AdapterRecipe: Sendable, Equatable {
    /// The method.
    public var method: any AdapterMethod
    /// The linear maps to adapt; nil: those that are usual for the method and the encoder's family.
    public var projections: [Projection]?
    /// The layers to adapt; nil: all.
    public var layers: [Int]?

    /// A method in every layer, or in some.
    public init(_ method: any AdapterMethod, projections: [Projection]? = nil, layers: [Int]? = nil) {
        (self.method, self.projections, self.layers) = (method, projections, layers)
    }

    /// LoRA with the field's usual settings: rank 8, alpha 16, in every layer.
    public init(
        rank: Int = 8, alpha: Float = 16, isRankStabilized: Bool = false, dropoutRate: Float = 0,
        projections: [Projection]? = nil, layers: [Int]? = nil
    ) {
        self.init(
            LoRAMethod(rank: rank, alpha: alpha, isRankStabilized: isRankStabilized, dropoutRate: dropoutRate),
            projections: projections, layers: layers)
    }

    /// Equal in method, settings and places.
    public static func == (left: AdapterRecipe, right: AdapterRecipe) -> Bool {
        left.method.isEqual(to: right.method) && left.projections == right.projections && left.layers == right.layers
    }

    /// The linear maps that are meant on an encoder.
    public func projections(for config: EncoderConfig) -> [Projection] {
        projections ?? method.usualTargets(for: config)
    }

    /// Adapters on the asked sites of `encoder`, with starting values: a function of the seed and of the site's name.
    ///
    /// - Throws: ``AdapterError`` where a layer or a linear map does not exist, or nothing is targeted.
    public func fresh(
        for encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try method.fresh(at: sites(on: encoder.config), on: encoder, seed: seed)
    }

    /// The sites that are meant on an encoder.
    private func sites(on config: EncoderConfig) throws(AdapterError) -> [Site] {
        let existing = 0..<config.distinctLayers
        for layer in layers ?? [] where !existing.contains(layer) {
            throw .noSuchLayer(layer, layers: existing.count)
        }
        var sites: Set<Site> = []
        for layer in layers ?? Array(existing) {
            for projection in projections(for: config) {
                guard config.extents(of: projection) != nil else {
                    throw .noSuchProjection(
                        projection, family: config.family.modelType, available: config.projections)
                }
                sites.insert(Site(layer: layer, projection: projection))
            }
        }
        guard !sites.isEmpty || !type(of: method).sharedFields.contains(.targets) else { throw .nothingTargeted }
        return sites.sorted()
    }
}
