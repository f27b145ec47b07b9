import Encoders

extension AdapterSet {
    /// What a parameter of an adapter set is of: all that rates, decay and stages of training ask about it.
    public struct Place: Sendable, Hashable {
        /// What the parameter belongs to.
        public fileprivate(set) var part: Part
        /// The layer, from 0, as that of its ``Site``; nil for the embeddings, which are below all. The norm behind the last layer
        /// is in that.
        public let layer: Int?
        /// Whether it bears a higher rate (``LinearAdapter/upperParameters``).
        public let isUpper: Bool
        /// Whether it is not decayed: a bias, of a norm, or one of ``LinearAdapter/undecayedParameters``.
        public let isVector: Bool
        /// Whether it is a bias: of a linear map or of a norm.
        public let isBias: Bool
        /// Whether it never trains (``LinearAdapter/fixedParameters``).
        public let isFixed: Bool

        /// Parts of an encoder, and what is put on them.
        public enum Part: String, Sendable, CaseIterable {
            /// LoRA, and other methods that are put on a linear map.
            case adapters
            /// Weights of linear maps.
            case layers
            /// Tables of embeddings, and the weight that projects them.
            case embeddings
            /// γ and β of norms.
            case norms
            /// Biases of linear maps.
            case biases
        }
    }

    /// The place of each of ``parameters``.
    public var places: [Parameter: Place] {
        var places: [Parameter: Place] = [:]
        func add(_ adapter: (any LinearAdapter)?, layer: Int?) {
            guard let adapter else { return }
            let (upper, fixed) = (Set(adapter.upperParameters), Set(adapter.fixedParameters))
            let undecayed = Set(adapter.undecayedParameters)
            for parameter in adapter.parameters {
                places[parameter] = Place(
                    part: .adapters, layer: layer, isUpper: upper.contains(parameter),
                    isVector: undecayed.contains(parameter), isBias: false, isFixed: fixed.contains(parameter))
            }
        }
        func add(_ parameters: [Parameter], upper: [Parameter], layer: Int) {
            for parameter in parameters {
                places[parameter] = Place(
                    part: .adapters, layer: layer, isUpper: upper.contains(parameter), isVector: parameter.rows == 1,
                    isBias: false, isFixed: false)
            }
        }
        for (site, adapter) in linear { add(adapter, layer: site.layer) }
        add(embeddings?.projection, layer: nil)
        // What several blocks share is of the lowest.
        for site in blockSites.reversed() {
            guard let adapter = blocks[site] else { continue }
            add(adapter.parameters, upper: adapter.upperParameters, layer: site.layer)
        }
        for (layer, adapter) in outputs { add(adapter.parameters, upper: [], layer: layer) }
        func addOnce(_ parameters: [Parameter], layer: Int?) {
            for parameter in parameters where places[parameter] == nil {
                places[parameter] = Place(
                    part: .adapters, layer: layer, isUpper: false, isVector: false, isBias: false, isFixed: false)
            }
        }
        for layer in prefixes.keys.sorted() { addOnce(prefixes[layer]?.parameters ?? [], layer: layer) }
        addOnce([prompt?.rows].compactMap { $0 }, layer: nil)
        for adapter in embeddings?.adapters.values.map({ $0 }) ?? [] {
            for parameter in adapter.parameters {
                places[parameter] = Place(
                    part: .adapters, layer: nil, isUpper: adapter.upperParameters.contains(parameter),
                    isVector: adapter.undecayedParameters.contains(parameter), isBias: false, isFixed: false)
            }
        }
        for (tensor, parameter) in deltas { places[parameter] = Place(of: tensor) }
        let biases = linear.values.compactMap { ($0 as? BiasDelta).flatMap { $0.isOfAdapter ? $0.bias : nil } }
        for parameter in methodChanges.union(biases) { places[parameter] = places[parameter]?.ofAdapters }
        return places
    }

    /// The parameter that is the change of each tensor that is unfrozen.
    package var deltas: [FrozenTensor: Parameter] {
        var deltas: [FrozenTensor: Parameter] = [:]
        for (site, adapter) in linear {
            deltas[.weight(site)] = (adapter as? WeightDelta)?.weight
            deltas[.bias(site)] = (adapter as? WeightDelta)?.bias ?? (adapter as? BiasDelta)?.bias
        }
        for (site, norm) in norms {
            deltas[.normScale(site)] = norm.scale
            deltas[.normShift(site)] = norm.shift
        }
        for (table, parameter) in embeddings?.tables ?? [:] { deltas[.table(table)] = parameter }
        let projection = embeddings?.projection
        deltas[.projectionWeight] = (projection as? WeightDelta)?.weight
        deltas[.projectionBias] = (projection as? WeightDelta)?.bias ?? (projection as? BiasDelta)?.bias
        return deltas
    }
}

extension AdapterSet.Place {
    /// The same as part of the adapters.
    fileprivate var ofAdapters: AdapterSet.Place {
        var place = self
        place.part = .adapters
        return place
    }

    fileprivate init(of tensor: FrozenTensor) {
        (isUpper, isVector, isFixed) = (false, tensor.isVector, false)
        switch tensor {
        case .weight(let site): (part, layer, isBias) = (.layers, site.layer, false)
        case .bias(let site): (part, layer, isBias) = (.biases, site.layer, true)
        case .normScale(let site): (part, layer, isBias) = (.norms, site.layer, false)
        case .normShift(let site): (part, layer, isBias) = (.norms, site.layer, true)
        case .table, .projectionWeight: (part, layer, isBias) = (.embeddings, nil, false)
        case .projectionBias: (part, layer, isBias) = (.biases, nil, true)
        }
    }
}
