import Matrices

/// Keys and values that stand in a layer's attention before those of each text's own tokens.
public protocol AttentionPrefix: Sendable {
    /// How many tokens it stands for: as many in every layer of a set.
    var count: Int { get }
    /// What can train, in a fixed order. Prefixes of several layers may share some of it.
    var parameters: [Parameter] { get }
    /// Keys and values [count, heads · width of a head], and the way back from their gradients.
    func forward(_ pass: Pass) -> (keys: Matrix, values: Matrix, pullback: PrefixPullback)
}

/// Leaves the gradients of what trains of a prefix.
public typealias PrefixPullback = @Sendable (_ dKeys: Matrix, _ dValues: Matrix, _ gradients: inout Gradients) -> Void
