import Encoders

extension Bottleneck {
    /// The parameters with the axes that their tensors have in AdapterHub's files.
    var tensors: [(parameter: Parameter, shape: [Int])] {
        (normBefore?.tensors ?? []) + down.tensors + up.tensors + scalingParameters.map { ($0, [$0.count]) }
            + (normAfter?.tensors ?? [])
    }

    /// The second name that some tensors have in those files: the norm before the way down is the bottleneck's and the way
    /// down's.
    var copies: [Parameter: String] {
        guard let normBefore else { return [:] }
        return [normBefore.gamma: "adapter_norm_before.weight", normBefore.beta: "adapter_norm_before.bias"]
    }
}

extension TrainedNorm {
    var tensors: [(parameter: Parameter, shape: [Int])] { parameters.map { ($0, [$0.count]) } }
}

extension BottleneckMap {
    fileprivate var tensors: [(parameter: Parameter, shape: [Int])] {
        let own: [(Parameter, [Int])] =
            switch weight {
            case .dense(let weight): [(weight, [weight.rows, weight.columns])]
            case .hypercomplex(let weight):
                weight.rules.parameters.map { ($0, weight.rules.shape(of: $0)) }
                    + weight.blocks.parameters.map { ($0, weight.blocks.shape(of: $0)) }
            }
        return own + [bias].compactMap { $0 }.map { ($0, [$0.count]) }
    }
}
