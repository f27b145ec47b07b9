import Encoders
import Matrices

extension AdapterBundle {
    /// A bundle of plain LoRA with the given factors, each map with its own rank and scale, and of changes of other tensors.
    ///
    /// Ranks and scales that differ are in `rank_pattern` and `alpha_pattern`, and maps that are not the same in every layer are
    /// named one by one, so that PEFT finds the same ones.
    init(
        lowRank factors: [Site: (b: Matrix, a: Matrix, scale: Float)], changing changes: [FrozenTensor: Matrix] = [:],
        on encoder: TransformerEncoder, baseModel: String?
    ) {
        let config = encoder.config
        var linear: [Site: LoRA] = [:]
        for (site, (b, a, scale)) in factors {
            linear[site] = LoRA(
                name: site.description, inputs: a.columns, outputs: b.rows, rank: a.rows, scale: scale, dropoutRate: 0)
        }
        let adapters = AdapterSet(linear).changing(Set(changes.keys), of: config)
        var values = ParameterVector(adapters.parameters)
        for (site, lora) in linear {
            guard let (b, a, _) = factors[site] else { continue }
            (values[lora.a], values[lora.b]) = (a, b)
        }
        for (tensor, delta) in adapters.deltas {
            if let change = changes[tensor] { values[delta] = change }
        }
        let places = LowRankPlaces(linear, config)
        self.init(places.recipe, trained: values, adapters, on: encoder, baseModel: baseModel)
        places.complete(&configuration)
    }
}

/// How a configuration says which maps have which rank and scale.
struct LowRankPlaces {
    private(set) var recipe: AdapterRecipe?
    private let targets: PEFTConfiguration.Targets?
    private var ranks: [String: Int] = [:]
    private var alphas: [String: Float] = [:]

    init(_ linear: [Site: LoRA], _ config: EncoderConfig) {
        let sites = linear.keys.sorted()
        guard let first = sites.first else {
            (recipe, targets) = (nil, nil)
            return
        }
        func alpha(_ lora: LoRA) -> Float { lora.scale * Float(lora.a.rows) }
        func module(_ site: Site) -> String { config.names.module(of: site) }
        // The rank that most maps have; of several such the largest.
        let counts = Dictionary(grouping: linear.values) { $0.a.rows }
        let mostUsual = counts.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }?.value.first
        guard let usual = mostUsual ?? linear[first] else { preconditionFailure("there is an adapter") }
        for (site, lora) in linear {
            if lora.a.rows != usual.a.rows { ranks[module(site)] = lora.a.rows }
            if alpha(lora) != alpha(usual) { alphas[module(site)] = alpha(lora) }
        }
        let layers = Set(sites.map(\.layer)).sorted()
        let projections = Set(sites.map(\.projection))
        let isUniform = layers.allSatisfy { layer in
            Set(sites.filter { $0.layer == layer }.map(\.projection)) == projections
        }
        targets = isUniform ? nil : .names(sites.map(module).sorted())
        recipe = AdapterRecipe(
            rank: usual.a.rows, alpha: alpha(usual),
            projections: config.projections.filter(projections.contains),
            layers: isUniform && layers.count < config.distinctLayers ? layers : nil)
    }

    /// The places of adapters that are LoRA; nil where none is.
    init?(_ adapters: AdapterSet, _ config: EncoderConfig) {
        var linear: [Site: LoRA] = [:]
        for (site, adapter) in adapters.linear { linear[site] = adapter.proper as? LoRA }
        guard let first = linear.values.first else { return nil }
        self.init(linear, config)
        guard var method = recipe?.method as? LoRAMethod else { return }
        method.dropoutRate = first.dropoutRate
        recipe?.method = method
    }

    /// Adds what a recipe does not say.
    func complete(_ configuration: inout PEFTConfiguration) {
        if let targets { configuration.targets = targets }
        guard var method = configuration.method as? LoRAMethod else { return }
        (method.rankPattern, method.alphaPattern) = (ranks, alphas)
        configuration.method = method
    }
}
