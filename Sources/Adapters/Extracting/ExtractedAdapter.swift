import Encoders

/// A LoRA that was made of two checkpoints, and what of their difference it has.
public struct ExtractedAdapter: Sendable {
    /// The adapter.
    public let bundle: AdapterBundle
    /// Each linear map that differs.
    public let maps: [Site: CombinedMap]
    /// What else differs.
    public let others: [Other]

    /// A tensor that is no weight of a layer's linear map, and differs.
    public struct Other: Sendable, Equatable {
        /// Its name in the bare model.
        public let name: String
        /// ‖new − base‖ / ‖base‖
        public let relativeChange: Double
        /// Whether the adapter has it whole; else it is left out.
        public let isKept: Bool
    }

    /// The share of Σ σ² of all linear maps' differences together that the adapter has.
    public var keptEnergy: Double {
        let all = maps.values.reduce(0) { $0 + $1.norm * $1.norm }
        return all > 0 ? 1 - maps.values.reduce(0) { $0 + $1.lostEnergy * $1.norm * $1.norm } / all : 1
    }
}
