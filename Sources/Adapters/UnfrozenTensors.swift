import Encoders
import Matrices

/// The tensors of the frozen encoder that an adapter set changes, as a folder of PEFT's has them: not the changes, but the
/// new numbers.
///
/// A module that changes whole is one of `modules_to_save`. Where a module has an adapter too, PEFT would take that away from a
/// saved module; and of modules of which the bias alone changes, the weight would have to be saved with it. Such tensors are
/// under the names that they have in PEFT's model, which is how PEFT stores biases (`bias: all`), and how it reads them again.
/// So are words that a model has under two names, since a module is saved under one.
struct UnfrozenTensors: Sendable {
    /// What `modules_to_save` has of them, sorted.
    private(set) var modules: [String] = []
    /// What `bias` says: all, if there are biases that are not part of a saved module, or those of the adapted maps if these are
    /// there because of the adapters and all that there are.
    private(set) var biases = PEFTConfiguration.Biases.none
    /// Each tensor with its change, and whether its module has an adapter besides.
    private(set) var tensors: [(tensor: FrozenTensor, delta: Parameter, isUnderAdapter: Bool)] = []

    /// `method` is that of the adapters; norms may be its own matter.
    init(of adapters: AdapterSet, for config: EncoderConfig, beside method: (any AdapterMethod)?) {
        let areNormsOwn = method.map { type(of: $0).filesNorms } ?? false
        let deltas = adapters.deltas.filter { !areNormsOwn || !$0.key.isOfNorm }
        func module(of tensor: FrozenTensor) -> String {
            let name = config.names.name(of: tensor)
            return String(name[..<(name.lastIndex(of: ".") ?? name.endIndex)])
        }
        let frozen = Set(config.tensors.filter { deltas[$0] == nil }.map(module(of:)))
        var saved: Set<String> = []
        for tensor in config.tensors {
            guard let delta = deltas[tensor] else { continue }
            let isUnderAdapter = adapters.hasAdapter(besides: tensor)
            tensors.append((tensor, delta, isUnderAdapter))
            let isFoundElsewhere = tensor == .table(.words) && config.names.sharesWords
            if !isUnderAdapter, !isFoundElsewhere, !frozen.contains(module(of: tensor)) {
                saved.insert(module(of: tensor))
            } else if tensor.isBias {
                biases = biases != .all && adapters.isOfAdapter(tensor) ? .adapted : .all
            }
        }
        modules = saved.sorted()
    }
}

extension AdapterSet {
    /// Whether a bias is there because its map has an adapter.
    fileprivate func isOfAdapter(_ tensor: FrozenTensor) -> Bool {
        guard case .bias(let site) = tensor else { return false }
        return (linear[site] as? BiasDelta)?.isOfAdapter ?? false
    }

    /// Whether a linear map that changes has an adapter on it too.
    fileprivate func hasAdapter(besides tensor: FrozenTensor) -> Bool {
        let adapter: (any LinearAdapter)? =
            switch tensor {
            case .weight(let site), .bias(let site): linear[site]
            case .projectionWeight, .projectionBias: embeddings?.projection
            case .normScale, .normShift, .table: nil
            }
        return (adapter as? WeightDelta)?.inner != nil || (adapter as? BiasDelta)?.inner != nil
    }
}

extension TransformerEncoder {
    /// W + Δ
    func changed(_ tensor: FrozenTensor, by delta: Parameter, _ parameters: ParameterVector) -> Matrix {
        var values = values(of: tensor)
        parameters.withView(of: delta) { delta in values.withMutableView { $0.add(delta) } }
        return values
    }

    /// Makes the changes of tensors such that the new numbers, rounded to float32, are all there is to know: Δ becomes
    /// (W + Δ) − W, which is what somebody who reads the new numbers takes it to be.
    func settle(_ adapters: AdapterSet, in parameters: inout ParameterVector) {
        for (tensor, delta) in adapters.deltas {
            let base = values(of: tensor)
            // Rounding W + Δ moves Δ; what is rounded already moves at most once more.
            for _ in 0..<4 {
                var settled = changed(tensor, by: delta, parameters)
                settled.add(base, scale: -1)
                if settled == parameters[delta] { break }
                parameters[delta] = settled
            }
        }
    }
}
