import CKernels

/// The element-wise function of a feed-forward block, called act where its kind does not matter.
public enum ActivationKind: Sendable, Hashable, CaseIterable {
    /// x · Φ(x), by erf.
    case gelu
    /// The tanh approximation of gelu (`gelu_new`, `gelu_pytorch_tanh`).
    case geluTanh
    /// max(0, x)
    case relu
    /// x / (1 + e^(−x)), also called swish.
    case silu

    var kernel: GraftActivation {
        switch self {
        case .gelu: GRAFT_GELU
        case .geluTanh: GRAFT_GELU_TANH
        case .relu: GRAFT_RELU
        case .silu: GRAFT_SILU
        }
    }
}
