import Encoders
import Matrices

/// Adapters that start from texts of the task.
extension AdapterRecipe {
    /// Whether new adapters need texts to start from.
    public var startsFromTexts: Bool { (method as? LoRAMethod)?.initialization == .eva }

    /// Adapters on the asked sites of `encoder`, with starting values: a function of the seed, of the sites' names and, where the
    /// start is computed from them, of the batches.
    ///
    /// Ranks are given out anew then, each map keeping its scale, and a map that comes out with none has no adapter.
    ///
    /// - Throws: ``AdapterError``
    package func fresh(
        for encoder: TransformerEncoder, seed: UInt64, reading batches: some Sequence<PackedBatch>
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        guard startsFromTexts, var plain = method as? LoRAMethod else { return try fresh(for: encoder, seed: seed) }
        plain.initialization = .standard
        var recipe = self
        recipe.method = plain
        let asked = try recipe.fresh(for: encoder, seed: seed).adapters
        var ranks: [Site: Int] = [:]
        for (site, adapter) in asked.linear {
            guard let lora = adapter as? LoRA else {
                throw .cannotStart(
                    LoRAInitialization.eva.rawValue, site: site.description, reason: "it is a start of LoRA alone")
            }
            ranks[site] = lora.a.rows
        }
        let start = try EVA(rho: Double(plain.rho)).start(of: ranks, on: encoder, reading: batches)
        var (linear, values) = ([Site: LoRA](), [Parameter: Matrix]())
        for (site, components) in start.components {
            guard let old = asked.linear[site] as? LoRA else { continue }
            let lora = LoRA(
                name: site.description, inputs: old.a.columns, outputs: old.b.rows, rank: components.rows,
                scale: old.scale, dropoutRate: old.dropoutRate)
            linear[site] = lora
            values[lora.a] = components
        }
        let adapters = AdapterSet(linear)
        var parameters = ParameterVector(adapters.parameters)
        for (parameter, value) in values { parameters[parameter] = value }
        return (adapters, parameters)
    }
}
