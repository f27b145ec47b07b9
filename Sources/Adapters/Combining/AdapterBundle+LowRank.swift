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
        self.init(.usual(of: linear), trained: values, adapters, on: encoder, baseModel: baseModel)
    }
}

extension AdapterRecipe {
    /// LoRA of the rank that most maps have, of several such the largest; what differs is said where the recipe is settled on the
    /// adapters. Nil where there are none.
    fileprivate static func usual(of linear: [Site: LoRA]) -> AdapterRecipe? {
        let ranks = Dictionary(grouping: linear.sorted { $0.key < $1.key }.map(\.value)) { $0.a.rows }
        let usual = ranks.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }?.value.first
        return usual.map { AdapterRecipe(rank: $0.a.rows, alpha: $0.scale * Float($0.a.rows)) }
    }
}
