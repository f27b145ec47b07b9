import CKernels

/// How the factors of a product with a frozen weight are held. What is trained, and every sum, is float32 always.
public enum Precision: String, Sendable, CaseIterable {
    /// As exact as the checkpoint.
    case float32
    /// Weights and activations rounded to 8 significant bits.
    case bfloat16
    /// Weights in 255 steps a column, activations in 256 steps a row; their products are summed exactly.
    case int8

    /// bfloat16 where the kernels in use have an instruction for it, else float32.
    public static var automatic: Precision { Kernels.computes(.bfloat16) ? .bfloat16 : .float32 }

    /// What the kernels call it.
    var format: GraftFormat {
        switch self {
        case .float32: GRAFT_FLOAT32
        case .bfloat16: GRAFT_BFLOAT16
        case .int8: GRAFT_INT8
        }
    }

    /// How many neighbours along the depth share a word of 32 bits.
    package var elementsPerWord: Int {
        switch self {
        case .float32: 1
        case .bfloat16: 2
        case .int8: 4
        }
    }

    /// Words that so many neighbours take.
    func wordCount(_ elements: Int) -> Int { (elements + elementsPerWord - 1) / elementsPerWord }
}
