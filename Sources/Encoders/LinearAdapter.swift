import Matrices

/// The one way to change a frozen linear map. Adding a method means adding a conformance.
public protocol LinearAdapter: Sendable {
    /// What trains, in a fixed order.
    var parameters: [Parameter] { get }
    /// y from x [tokens, inputs] through the frozen map and the adapter, and the way back. The tokens may be some rows of a
    /// batch: whatever is random about them comes from ``Pass/mask(_:rate:)``.
    func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback)
}

/// An adapter whose effect is a change of the weight, so that it can be merged into it.
public protocol MergeableAdapter: LinearAdapter {
    /// The new weight [outputs, inputs].
    func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix
}

/// The adapters of one task: at most one for each site.
public struct AdapterSet: Sendable {
    /// The adapter of each adapted site.
    public let linear: [Site: any LinearAdapter]

    /// The given adapters.
    public init(_ linear: [Site: any LinearAdapter]) { self.linear = linear }

    /// No adapters: the base as it is.
    public static let none = AdapterSet([:])

    /// Adapted sites, layer by layer in the order of computing.
    public var sites: [Site] { linear.keys.sorted() }

    /// What trains in all adapters, in the order of the sites.
    public var parameters: [Parameter] { sites.flatMap { linear[$0]?.parameters ?? [] } }

    /// Whether nothing is adapted.
    public var isEmpty: Bool { linear.isEmpty }
}
