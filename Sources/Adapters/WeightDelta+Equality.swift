import Encoders

extension WeightDelta: Equatable {
    /// Whether both change the same, with adapters under them that do the same; values aside.
    public static func == (left: WeightDelta, right: WeightDelta) -> Bool {
        left.weight == right.weight && left.bias == right.bias && areEqual(left.inner, right.inner)
    }
}

extension BiasDelta: Equatable {
    /// Whether both change the same, with adapters under them that do the same; values aside.
    public static func == (left: BiasDelta, right: BiasDelta) -> Bool {
        left.bias == right.bias && areEqual(left.inner, right.inner)
    }
}

private func areEqual(_ left: (any LinearAdapter)?, _ right: (any LinearAdapter)?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return left.isEqual(to: right)
}
