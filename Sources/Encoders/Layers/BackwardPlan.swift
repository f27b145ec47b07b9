import Matrices

/// How far down the backward of one layer has to go: nothing is computed that nobody reads.
struct BackwardPlan: Sendable {
    private let adapted: Set<Projection>
    /// The norms whose γ or β learns.
    private let trainedNorms: Set<NormSite.Place>
    /// The blocks whose adapter learns.
    private let adaptedBlocks: Set<BlockSite.Block>
    /// Whether the adapter behind the layer learns.
    private let adaptsResult: Bool
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
        adaptedBlocks = Set(
            BlockSite.Block.allCases.filter {
                isBackwardRun && adapters.trains(BlockSite(layer: layer, block: $0), in: pass)
            })
        adaptsResult = isBackwardRun && adapters.trainsResult(ofLayer: layer, in: pass)
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
        reaches(.attentionOutput) || adaptedBlocks.contains(.attention)
            || trainedNorms.contains(isPreNorm ? .feedForward : .attention)
    }

    /// Whether anything reads the gradient of the residual sum behind attention: in post-norm layers of what is in its norm.
    var reachesAttentionSum: Bool {
        reaches(.attentionOutput) || adaptedBlocks.contains(.attention)
            || !isPreNorm && trainedNorms.contains(.attention)
    }

    /// Whether anything reads the gradient of what the blocks come to: in post-norm layers, of a norm's result.
    var reachesTop: Bool {
        reaches(.output) || reachesMiddle || adaptedBlocks.contains(.feedForward)
            || !isPreNorm && trainedNorms.contains(.feedForward)
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

    /// What the pullback of this block's adapter will be asked for.
    func demand(of block: BlockSite.Block) -> GradientDemand {
        switch block {
        case .attention: reaches(.attentionOutput) ? .parametersAndInput : reachesAttentionSum ? .parameters : .nothing
        case .feedForward: reaches(.output) ? .parametersAndInput : reachesTop ? .parameters : .nothing
        }
    }

    /// What the pullback of the adapter behind the layer will be asked for.
    var demandOfResult: GradientDemand { reachesTop ? .parametersAndInput : adaptsResult ? .parameters : .nothing }

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

    /// Whether the adapter of a block learns in a pass.
    func trains(_ site: BlockSite, in pass: Pass) -> Bool {
        blocks[site]?.parameters.contains(where: pass.trains) ?? false
    }

    /// Whether the adapter behind a layer learns in a pass.
    func trainsResult(ofLayer layer: Int, in pass: Pass) -> Bool {
        outputs[layer]?.parameters.contains(where: pass.trains) ?? false
    }
}
