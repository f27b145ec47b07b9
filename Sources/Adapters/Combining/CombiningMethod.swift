/// A way to make one adapter of several. What each is applied to are the changes ΔW of weights, scale and all, never LoRA's
/// factors by themselves, but for ``linear``.
public enum CombiningMethod: String, Sendable, CaseIterable {
    /// The factors side by side: exactly Σ w ΔW. The rank is the sum of the ranks.
    case cat
    /// The best adapter of its rank for Σ w ΔW (Eckart and Young 1936).
    case svd
    /// (Σ √w B)(Σ √w A), as PEFT has it: cheap, and an approximation, because each B meets each A.
    case linear
    /// Each ΔW trimmed to its largest numbers; of each element the sign with the greater sum, and the mean of those that have it
    /// (Yadav et al. 2023).
    case ties
    /// Of each ΔW a random part, scaled up to keep its mean; then the sum (Yu et al. 2023).
    case dare
    /// Of each ΔW a random part, scaled up; then signs and means as in ``ties``.
    case dareTies = "dare-ties"
    /// Each ΔW trimmed to its largest numbers; then the sum.
    case magnitude

    /// Whether it prunes, so that a density means something.
    public var prunes: Bool {
        switch self {
        case .cat, .svd, .linear: false
        case .ties, .dare, .dareTies, .magnitude: true
        }
    }

    /// Whether it needs ΔW as factors of low rank.
    var needsFactors: Bool { self == .cat || self == .linear }
}
