import CKernels

/// How a norm brings each row to one size, before γ and β.
public enum NormKind: Sendable, Hashable, CaseIterable {
    /// x̂ = (x − mean(x)) / √(variance(x) + ε)
    case layer
    /// x̂ = x / √(mean(x²) + ε)
    case rms

    var kernel: GraftNorm {
        switch self {
        case .layer: GRAFT_LAYER_NORM
        case .rms: GRAFT_RMS_NORM
        }
    }
}
