/// How far down the backward of one layer has to go: nothing is computed that nobody reads.
struct BackwardPlan: Sendable {
    private let adapted: Set<Projection>
    /// Whether the gradient of the layer's input is wanted.
    let reachesInput: Bool

    /// `layer` is that of the adapters' sites.
    init(layer: Int, _ adapters: AdapterSet, _ demand: GradientDemand) {
        reachesInput = demand == .parametersAndInput
        let isBackwardRun = demand > .nothing
        adapted = Set(
            Projection.allCases.filter {
                isBackwardRun && adapters.linear[Site(layer: layer, projection: $0)] != nil
            })
    }

    /// Whether an adapter of this projection learns.
    func adapts(_ projection: Projection) -> Bool { adapted.contains(projection) }

    /// Whether anything reads the gradient of attention's result.
    var reachesContext: Bool {
        reaches(.query) || reaches(.key) || reaches(.value) || reaches(.queryKeyValue)
    }

    /// Whether anything reads the gradient of what goes through the feed-forward block's activation.
    var reachesExpansion: Bool { reaches(.intermediate) || reaches(.gate) }

    /// Whether anything reads the gradient of what this projection gives.
    func reaches(_ projection: Projection) -> Bool { adapted.contains(projection) || reachesInput(of: projection) }

    /// What the pullback of this projection will be asked for.
    func demand(of projection: Projection) -> GradientDemand {
        if reachesInput(of: projection) { return .parametersAndInput }
        return adapted.contains(projection) ? .parameters : .nothing
    }

    /// Whether anything reads the gradient of what goes into this projection.
    private func reachesInput(of projection: Projection) -> Bool {
        switch projection {
        case .query, .key, .value, .queryKeyValue: reachesInput
        case .attentionOutput: reachesContext
        case .gate, .intermediate: reaches(.attentionOutput)
        case .output: reachesExpansion
        }
    }
}
