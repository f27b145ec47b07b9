import Encoders
import Matrices

/// Adapters that start from texts of the task.
extension AdapterRecipe {
    /// Whether new adapters need texts to start from.
    public var startsFromTexts: Bool {
        byMethod.contains { ($0.method as? LoRAMethod)?.initialization == .eva }
    }

    /// Adapters on the asked sites of `encoder`, with starting values: a function of the seed, of the sites' names and, where the
    /// start is computed from them, of the batches.
    ///
    /// Ranks are given out anew then, each map keeping its scale, and a map that comes out with none has no adapter.
    ///
    /// - Throws: ``AdapterError``
    package func fresh(
        for encoder: TransformerEncoder, seed: UInt64, reading batches: some Sequence<PackedBatch>
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try assembled(on: encoder) { recipe throws(AdapterError) in
            try recipe.freshOfOneMethod(for: encoder, seed: seed, reading: batches)
        }
    }

    private func freshOfOneMethod(
        for encoder: TransformerEncoder, seed: UInt64, reading batches: some Sequence<PackedBatch>
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        guard startsFromTexts, var plain = method as? LoRAMethod else {
            return try freshOfOneMethod(for: encoder, seed: seed)
        }
        plain.initialization = .standard
        var recipe = self
        recipe.method = plain
        let (asked, start) = try recipe.freshOfOneMethod(for: encoder, seed: seed)
        func refusal(_ place: String, _ reason: String) -> AdapterError {
            .cannotStart(LoRAInitialization.eva.rawValue, site: place, reason: reason)
        }
        if asked.embeddings?.projection?.proper != nil {
            throw refusal(FrozenTensor.projection, "it is a start of the maps in layers; leave this one out")
        }
        let maps = asked.linear.compactMapValues { ($0.proper as? LoRA) ?? ($0.proper as? DoRA)?.lora }
        if let other = asked.sites.first(where: { maps[$0] == nil }) {
            throw refusal(other.description, "it is a start of LoRA alone")
        }
        guard !maps.isEmpty else { throw .nothingTargeted }
        let eva = try EVA(rho: Double(plain.rho)).start(of: maps.mapValues(\.a.rows), on: encoder, reading: batches)
        var (changed, values) = ([AdaptedModule: any LinearAdapter](), [Parameter: Matrix]())
        for (site, components) in eva.components {
            guard let old = maps[site] else { continue }
            let lora = LoRA(
                name: site.description, inputs: old.a.columns, outputs: old.b.rows, rank: components.rows,
                scale: old.scale, dropoutRate: old.dropoutRate, isAFixed: old.isAFixed)
            changed[.linear(site)] =
                asked.linear[site]?.proper is DoRA ? DoRA(name: site.description, over: lora) : lora
            values[lora.a] = components
        }
        let adapters = AdapterSet(
            asked.linear.filter { eva.components[$0.key] != nil }, embeddings: asked.embeddings
        ).replacingProper(with: changed)
        var parameters = ParameterVector(adapters.parameters)
        let before = Set(asked.parameters)
        let factors = Set(maps.values.flatMap { $0.parameters })
        for parameter in adapters.parameters {
            if let value = values[parameter] {
                parameters[parameter] = value
            } else if before.contains(parameter), !factors.contains(parameter) {
                // Tables start as they do without texts, and rows' lengths as they are.
                parameters[parameter] = start[parameter]
            }
        }
        return (adapters, parameters)
    }
}
