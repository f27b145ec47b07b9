/// A frozen linear map that an adapter can change: which projection of which layer.
public struct Site: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The layer, from 0; where layers share their weights, one of ``EncoderConfig/distinctLayers``.
    public let layer: Int
    /// The linear map within the layer.
    public let projection: Projection

    /// The `projection` of `layer`.
    public init(layer: Int, projection: Projection) {
        (self.layer, self.projection) = (layer, projection)
    }

    /// By layer, then in the order of computing.
    public static func < (left: Site, right: Site) -> Bool {
        (left.layer, left.projection.order) < (right.layer, right.projection.order)
    }

    /// "layer.3.query"
    public var description: String { "layer.\(layer).\(projection.rawValue)" }
}

/// The linear maps of a transformer layer, in the order of computing. No family has all of them.
public enum Projection: String, Sendable, CaseIterable, Codable {
    /// Of attention, from the layer's input.
    case query, key, value
    /// The three in one map, where a family keeps them so: its outputs are queries, then keys, then values.
    case queryKeyValue
    /// After attention, before the first residual sum.
    case attentionOutput
    /// Into the feed-forward block, through the activation, where that is a factor of ``intermediate``.
    case gate
    /// Into the feed-forward block.
    case intermediate
    /// Out of the feed-forward block, before the second residual sum.
    case output

    var order: Int { Projection.allCases.firstIndex(of: self) ?? 0 }
}
