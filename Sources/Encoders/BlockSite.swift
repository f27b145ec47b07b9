/// A block of a layer of the frozen encoder, whose result an adapter can change on its way into the residual stream.
public struct BlockSite: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The layer, from 0, as that of a ``Site``.
    public let layer: Int
    /// The block within the layer.
    public let block: Block

    /// The blocks of a layer, in the order of computing.
    public enum Block: String, Sendable, CaseIterable {
        /// Attention, its output map included.
        case attention
        /// The feed-forward block.
        case feedForward
    }

    /// The `block` of `layer`.
    public init(layer: Int, block: Block) { (self.layer, self.block) = (layer, block) }

    /// From the bottom up.
    public static func < (left: BlockSite, right: BlockSite) -> Bool {
        (left.layer, left.order) < (right.layer, right.order)
    }

    private var order: Int { block == .attention ? 0 : 1 }

    /// "layer.3.attentionBlock"
    public var description: String { "layer.\(layer).\(block.rawValue)Block" }
}
