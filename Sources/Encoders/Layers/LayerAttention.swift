import Matrices

/// The step of a layer in which tokens meet, by the family.
enum LayerAttention: Sendable {
    case plain(AttentionBlock)
    case disentangled(DisentangledBlock)

    /// The context [tokens, heads · width] of x [tokens, hidden].
    func forward(
        _ x: Matrix, _ maps: LayerMaps, _ batch: PackedBatch, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (context: Matrix, pullback: AttentionBlock.ContextPullback) {
        switch self {
        case .plain(let block): block.forward(x, maps, batch, adapters, plan, pass)
        case .disentangled(let block): block.forward(x, maps, batch, adapters, plan, pass)
        }
    }
}
