/// What is added to a frozen norm: y = (γ + Δγ) ⊙ x̂ + β + Δβ. It starts at zero.
public struct NormDelta: Sendable, Hashable {
    /// Δγ [1, width]; nil: γ stays as it is.
    public let scale: Parameter?
    /// Δβ [1, width]; nil: β stays as it is, or there is none.
    public let shift: Parameter?

    /// The given parameters.
    public init(scale: Parameter?, shift: Parameter?) { (self.scale, self.shift) = (scale, shift) }

    /// Δγ, then Δβ.
    public var parameters: [Parameter] { [scale, shift].compactMap { $0 } }

    /// What of it trains in a pass; nil: nothing.
    func trained(in pass: Pass) -> NormDelta? {
        let trained = NormDelta(
            scale: scale.flatMap { pass.trains($0) ? $0 : nil }, shift: shift.flatMap { pass.trains($0) ? $0 : nil })
        return trained.parameters.isEmpty ? nil : trained
    }
}
