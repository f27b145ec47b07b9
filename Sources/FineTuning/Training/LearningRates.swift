import Foundation

/// The peak learning rate of each parameter: by the part of the model that it is of, by how deep it lies, and by whether it
/// starts at zero.
///
///     rate = rate of the part · layerDecay^distance · (upperRatio where it is LoRA's B)
///
/// The distance is counted from the top layer: 0 there and in heads, one more for each layer below, and the number of layers in
/// the embeddings. So the rate of a part is that of its topmost layer, whatever the decay.
///
/// Rates that fall with the depth are from ULMFiT (Howard and Ruder 2018), which divides by 2.6 from layer to layer; ELECTRA's
/// fine-tuning (Clark et al. 2020) multiplies by 0.8, and starts two below the head: what is a rate r there is r · 0.8² for
/// ``layers`` here. A higher rate for B is LoRA+ (Hayou et al. 2024).
public struct LearningRates: Sendable, Equatable {
    /// Of adapters.
    public var adapters: Float
    /// Of heads; nil: that of adapters.
    public var heads: Float?
    /// Of the weights of layers that train whole: they are good already, and move by less.
    public var layers: Float
    /// Of the embeddings' tables, of norms and of biases; nil: that of layers. Biases that train alone bear a higher one (BitFit:
    /// 1e-4 to 1e-3).
    public var embeddings, norms, biases: Float?
    /// What the rate is multiplied by from a layer to the one below; 1: all layers are alike.
    public var layerDecay: Float = 1
    /// How many times the rate of LoRA's A its B has. Hayou et al. advise 16, and a lower rate beside.
    public var upperRatio: Float = 1

    /// What ``layers`` is where nothing else is said.
    public static let usualLayers: Float = 5e-5

    /// A rate of adapters, which heads have too unless something else is said, and one of layers, which all else of the encoder
    /// has too.
    public init(adapters: Float = 1e-3, heads: Float? = nil, layers: Float = LearningRates.usualLayers) {
        (self.adapters, self.heads, self.layers) = (adapters, heads, layers)
    }

    /// One rate for every part.
    public init(every rate: Float) { self.init(adapters: rate, layers: rate) }

    /// The rate of a part, as it is in its topmost layer.
    public subscript(part: ParameterPlace.Part) -> Float {
        get {
            switch part {
            case .adapters: adapters
            case .heads: heads ?? adapters
            case .layers: layers
            case .embeddings: embeddings ?? layers
            case .norms: norms ?? layers
            case .biases: biases ?? layers
            }
        }
        set {
            switch part {
            case .adapters: adapters = newValue
            case .heads: heads = newValue
            case .layers: layers = newValue
            case .embeddings: embeddings = newValue
            case .norms: norms = newValue
            case .biases: biases = newValue
            }
        }
    }

    /// The rate of a parameter in an encoder of so many layers, those that share their weights counted once.
    public func rate(of place: ParameterPlace, layers count: Int) -> Float {
        let decay = Float(pow(Double(layerDecay), Double(LearningRates.distance(of: place, layers: count))))
        return self[place.part] * decay * (place.isUpper ? upperRatio : 1)
    }

    /// Layers from the top one down to a place; what lies behind the last layer counts as part of it.
    private static func distance(of place: ParameterPlace, layers count: Int) -> Int {
        if place.part == .heads { return 0 }
        return place.layer.map { max(0, count - 1 - $0) } ?? count
    }
}

extension LearningRates: CustomStringConvertible {
    /// All of them, in one line.
    public var description: String {
        let parts = ParameterPlace.Part.allCases.map { "\($0.rawValue) \(self[$0])" }
        return (parts + ["layer decay \(layerDecay)", "ratio of B to A \(upperRatio)"]).joined(separator: ", ")
    }
}
