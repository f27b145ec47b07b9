import Adapters

/// A stretch of a training run in which the same things train: what trains, and how.
///
/// A run is one stage, or several in a row, as in gradual unfreezing (Howard and Ruder 2018): each starts from the best state of
/// the one before, with fresh moments and a schedule of its own.
public struct TrainingStage: Sendable, Equatable {
    /// What people call it: "heads", "top layer".
    public var name: String
    /// What trains; all else keeps its bytes.
    public var trains: Trains
    /// How. The seed and the maximum tokens are the run's: those of its first stage.
    public var options: TrainingOptions

    /// The given parts.
    public init(_ name: String, trains: Trains = Trains(), _ options: TrainingOptions) {
        (self.name, self.trains, self.options) = (name, trains, options)
    }

    /// Parts of a model that train.
    public struct Trains: Sendable, Equatable {
        /// The tasks' heads, but for those that are frozen.
        public var heads: Bool
        /// The adapters.
        public var adapters: Bool
        /// Layers of the encoder, from the bottom, that train whole: their weights, biases and norms.
        public var layers: Set<Int>
        /// The embeddings and their norm.
        public var embeddings: Bool
        /// Every norm of the encoder.
        public var norms: Bool
        /// Every bias of the encoder, those of its norms included (BitFit: Ben Zaken et al. 2021).
        public var biases: Bool

        /// Heads and adapters, unless said otherwise.
        public init(
            heads: Bool = true, adapters: Bool = true, layers: Set<Int> = [], embeddings: Bool = false,
            norms: Bool = false, biases: Bool = false
        ) {
            (self.heads, self.adapters, self.layers) = (heads, adapters, layers)
            (self.embeddings, self.norms, self.biases) = (embeddings, norms, biases)
        }

        /// What of the encoder itself trains.
        public var unfreezing: Unfreezing {
            Unfreezing(layers: layers, embeddings: embeddings, norms: norms, biases: biases)
        }

        /// Whether a parameter of this place trains.
        public func includes(_ place: ParameterPlace) -> Bool {
            guard !place.isFixed else { return false }
            let isInLayer = place.layer.map(layers.contains) ?? false
            return switch place.part {
            case .heads: heads
            case .adapters: adapters
            case .layers: isInLayer
            case .embeddings: embeddings
            case .norms: norms || isInLayer || (place.layer == nil && embeddings) || (place.isBias && biases)
            case .biases: biases || isInLayer || (place.layer == nil && embeddings)
            }
        }
    }
}

extension TrainingStage.Trains: CustomStringConvertible {
    /// "heads, adapters, layers 4 5".
    public var description: String {
        var parts = [(heads, "heads"), (adapters, "adapters")].filter(\.0).map(\.1)
        if !layers.isEmpty { parts.append("layers " + layers.sorted().map(String.init).joined(separator: " ")) }
        parts += [(embeddings, "embeddings"), (norms, "norms"), (biases, "biases")].filter(\.0).map(\.1)
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }
}
