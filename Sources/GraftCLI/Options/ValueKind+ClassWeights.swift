import Graft

extension ValueKind where Value == ClassWeights {
    /// `balanced`, or labels with their weights: `spam=4,ham=1`. A label may hold `=`, but no comma.
    package static var classWeights: ValueKind {
        ValueKind(
            valueName: "balanced|LABEL=W,…",
            expected: "balanced, or labels with weights of 0 or more, such as spam=4,ham=1",
            read: { text in
                if text == "balanced" { return .balanced }
                var weights: [String: Float] = [:]
                for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                    guard let equals = part.lastIndex(of: "="), equals > part.startIndex,
                        let weight = Float(part[part.index(after: equals)...]), weight >= 0, weight.isFinite
                    else { return nil }
                    let label = String(part[..<equals])
                    guard weights.updateValue(weight, forKey: label) == nil else { return nil }
                }
                return .given(weights)
            },
            write: { weights in
                switch weights {
                case .balanced: "balanced"
                case .given(let weights):
                    weights.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
                }
            })
    }
}
