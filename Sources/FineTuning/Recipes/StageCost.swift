import Encoders

/// What a step of a stage computes, as a share of what full fine-tuning of the encoder would: all layers forward, the gradient of
/// all states, and that of all weights.
///
/// Of a layer, in multiply-adds a token: W weights of its linear maps forward, W for the gradient of its input and W for that of
/// the weights; attention over texts of length T takes A = 2 · T · width forward and 2 A backward. Embeddings, norms, adapters and
/// heads are a few hundredths, and are not counted.
public struct StageCost: Sendable, Equatable {
    /// Of a step of the first epoch, in which the states of frozen layers are computed.
    public let firstEpoch: Double
    /// Of a step of later epochs, for which they are kept.
    public let laterEpochs: Double

    /// One way of texts through the encoder.
    struct Route {
        /// Tokens of the texts, and the sum of the squares of their lengths.
        let tokens, squares: Double
        /// Layers below all that trains; all of them where heads alone do.
        let frozenLayers: Int
        /// Layers whose weights train.
        let wholeLayers: Int
    }

    /// The cost of some routes on an encoder; `keepsStates`: those of frozen layers are computed once and kept.
    init(_ config: EncoderConfig, _ routes: [Route], keepsStates: Bool) {
        let weights = config.projections.reduce(0.0) { sum, projection in
            guard let (inputs, outputs) = config.extents(of: projection) else { return sum }
            return sum + Double(inputs) * Double(outputs)
        }
        let (layers, width) = (Double(config.layers), Double(config.heads * config.headWidth))
        var (all, first, later) = (0.0, 0.0, 0.0)
        for route in routes {
            let (linear, attention) = (weights * route.tokens, 2 * route.squares * width)
            let (frozen, moving) = (Double(route.frozenLayers), layers - Double(route.frozenLayers))
            let step = moving * (2 * linear + 3 * attention) + Double(route.wholeLayers) * linear
            let below = frozen * (linear + attention)
            all += layers * (3 * linear + 3 * attention)
            first += step + below
            later += step + (keepsStates ? 0 : below)
        }
        (firstEpoch, laterEpochs) = all > 0 ? (first / all, later / all) : (0, 0)
    }
}
