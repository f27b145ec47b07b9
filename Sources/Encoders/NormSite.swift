/// A norm of the frozen encoder.
public struct NormSite: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The layer that it belongs to, from 0, as that of a ``Site``; the norm behind the last layer belongs to that. Nil: it
    /// belongs to the embeddings.
    public let layer: Int?
    /// Where in the layer it stands.
    public let place: Place

    /// What a norm stands at.
    public enum Place: Sendable, Hashable, CaseIterable {
        /// Behind the sum of the embeddings.
        case embeddings
        /// Behind attention, or in pre-norm encoders before it.
        case attention
        /// Behind the feed-forward block, or in pre-norm encoders before it.
        case feedForward
        /// Behind the last layer, in pre-norm encoders.
        case final
    }

    /// The norm behind the embeddings.
    public static let embeddings = NormSite(layer: nil, place: .embeddings)

    private init(layer: Int?, place: Place) { (self.layer, self.place) = (layer, place) }

    /// A norm of a layer.
    ///
    /// - Precondition: `place` is one in a layer.
    public init(layer: Int, place: Place) {
        precondition(place != .embeddings, "the norm behind the embeddings is in no layer")
        self.init(layer: Optional(layer), place: place)
    }

    /// From the bottom up.
    public static func < (left: NormSite, right: NormSite) -> Bool {
        (left.layer ?? -1, left.order) < (right.layer ?? -1, right.order)
    }

    private var order: Int { Place.allCases.firstIndex(of: place) ?? 0 }

    /// "embeddings.norm", "layer.3.attentionNorm", "finalNorm"
    public var description: String {
        switch place {
        case .embeddings: "embeddings.norm"
        case .attention: "layer.\(layer ?? 0).attentionNorm"
        case .feedForward: "layer.\(layer ?? 0).feedForwardNorm"
        case .final: "finalNorm"
        }
    }
}
