/// The functions that stand between the maps of a feed-forward block.
public enum ActivationKind: Sendable {
    /// x · Φ(x), by erf.
    case gelu
    /// Its approximation by tanh.
    case geluTanh
}
