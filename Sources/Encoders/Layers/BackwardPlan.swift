import Matrices

/// How far down the backward of one layer has to go: nothing is computed that nobody reads.
struct BackwardPlan: Sendable {
    private let adapted: Set<Projection>
    /// The norms whose γ or β learns.
    private let trainedNorms: Set<NormSite.Place>
    /// Whether something of what stands before the texts' keys and values learns.
    let trainsPrefix: Bool
    private let isPreNorm: Bool
    /// Whether the gradient of the layer's input is wanted.
    let reachesInput: Bool

    /// `layer` is that of the adapters' sites.
    init(layer: Int, isPreNorm: Bool, _ adapters: AdapterSet, _ pass: Pass) {
        self.isPreNorm = isPreNorm
        reachesInput = pass.demand == .parametersAndInput
        let isBackwardRun = pass.demand > .nothing
        trainsPrefix =
            isBackwardRun && adapters.prefixes[layer].map { $0.parameters.contains(where: pass.trains) } ?? false
        adapted = Set(
            Projection.allCases.filter {
                isBackwardRun && adapters.trains(Site(layer: layer, projection: $0), in: pass)
            })
        trainedNorms = Set(
            [NormSite.Place.attention, .feedForward].filter {
                isBackwardRun && adapters.trains(NormSite(layer: layer, place: $0), in: pass)
            })
    }

    /// Whether an adapter of this projection learns.
    func adapts(_ projection: Projection) -> Bool { adapted.contains(projection) }

    /// Whether anything reads the gradient of attention's result.
    var reachesContext: Bool {
        reaches(.query) || reaches(.key) || reaches(.value) || reaches(.queryKeyValue) || trainsPrefix
    }

    /// Whether anything reads the gradient of what attention reads: of a norm's result, in pre-norm layers.
    var reachesEntry: Bool { reachesInput || isPreNorm && trainedNorms.contains(.attention) }

    /// Whether anything reads the gradient of what the feed-forward block reads: a norm's result.
    var reachesMiddle: Bool {
        reaches(.attentionOutput) || trainedNorms.contains(isPreNorm ? .feedForward : .attention)
    }

    /// Whether anything reads the gradient of the layer's result: in post-norm layers, of a norm's.
    var reachesTop: Bool { reaches(.output) || reachesMiddle || !isPreNorm && trainedNorms.contains(.feedForward) }

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
        case .query, .key, .value, .queryKeyValue: reachesEntry
        case .attentionOutput: reachesContext
        case .gate, .intermediate: reachesMiddle
        case .output: reachesExpansion
        }
    }
}

extension AdapterSet {
    /// Whether the adapter of a linear map learns in a pass.
    func trains(_ site: Site, in pass: Pass) -> Bool { linear[site]?.parameters.contains(where: pass.trains) ?? false }

    /// Whether γ or β of a norm learns in a pass.
    func trains(_ site: NormSite, in pass: Pass) -> Bool { norms[site]?.trained(in: pass) != nil }
}
