import Encoders
import Matrices

/// How near two adapters for one encoder are in their numbers: one, and what was written of it and read again.
public struct AdapterParity: Sendable, Equatable {
    /// The number of linear maps that the first adapts.
    public let maps: Int
    /// Whether each number has the same bits, and each scale.
    public let isExact: Bool
    /// The largest difference: of a linear map's change, scale · B A, or of another parameter, each as a share of its largest number.
    /// Infinite where one of them has what the other has not.
    public let largestDifference: Float

    init(of old: AdapterBundle, _ new: AdapterBundle) {
        let sites = old.adapters.sites
        (maps, isExact) = (sites.count, AdapterParity.areEqual(old, new))
        guard !isExact else { largestDifference = 0; return }
        var (left, right) = (AdapterParity.rest(of: old), AdapterParity.rest(of: new))
        for site in Set(sites + new.adapters.sites) {
            left.merge(AdapterParity.numbers(at: site, of: old)) { $1 }
            right.merge(AdapterParity.numbers(at: site, of: new)) { $1 }
        }
        largestDifference = Set(left.keys).union(right.keys).reduce(0) { largest, name in
            max(largest, AdapterParity.difference(left[name], right[name]))
        }
    }

    /// Whether both have the same parameters with the same values, and compute the same with them.
    private static func areEqual(_ old: AdapterBundle, _ new: AdapterBundle) -> Bool {
        let (left, right) = (old.adapters, new.adapters)
        guard left.parameters.map(\.name).sorted() == right.parameters.map(\.name).sorted(), left.sites == right.sites
        else { return false }
        let byName = Dictionary(uniqueKeysWithValues: right.parameters.map { ($0.name, $0) })
        let areValuesEqual = left.parameters.allSatisfy { parameter in
            byName[parameter.name].map { old.parameters[parameter] == new.parameters[$0] } ?? false
        }
        return areValuesEqual
            && left.sites.allSatisfy { setting(left.linear[$0]?.proper) == setting(right.linear[$0]?.proper) }
    }

    /// What an adapter of a linear map computes with besides its parameters.
    private static func setting(_ adapter: (any LinearAdapter)?) -> Float? {
        switch adapter {
        case let lora as LoRA: lora.scale
        case let dora as DoRA: dora.lora.scale
        case let factors as IA3: factors.scalesInput ? 1 : 0
        default: nil
        }
    }

    /// The matrices that say what the adapter of a linear map does, by names: of LoRA the change of the weight, which is the same
    /// for many pairs of factors.
    private static func numbers(at site: Site, of bundle: AdapterBundle) -> [String: Matrix] {
        let (adapter, values) = (bundle.adapters.linear[site]?.proper, bundle.parameters)
        guard let adapter else { return [:] }
        if let lora = (adapter as? LoRA) ?? (adapter as? DoRA)?.lora {
            var numbers = ["\(site).change": lora.change(values)]
            if let magnitude = (adapter as? DoRA)?.magnitude { numbers[magnitude.name] = values[magnitude] }
            if let bias = lora.bias { numbers[bias.name] = values[bias] }
            return numbers
        }
        return Dictionary(uniqueKeysWithValues: adapter.parameters.map { ($0.name, values[$0]) })
    }

    /// The parameters that are no linear map's adapter: of blocks, tables, prefixes, and what is unfrozen.
    private static func rest(of bundle: AdapterBundle) -> [String: Matrix] {
        let own = Set(bundle.adapters.linear.values.flatMap { $0.proper?.parameters ?? [] })
        let rest = bundle.adapters.parameters.filter { !own.contains($0) }
        return Dictionary(uniqueKeysWithValues: rest.map { ($0.name, bundle.parameters[$0]) })
    }

    private static func difference(_ left: Matrix?, _ right: Matrix?) -> Float {
        guard let left, let right, left.rows == right.rows, left.columns == right.columns else { return .infinity }
        let size = left.values.reduce(0) { max($0, abs($1)) }
        let difference = zip(left.values, right.values).reduce(Float(0)) { largest, pair in
            // Of what is no number every difference is the largest.
            let difference = abs(pair.0 - pair.1)
            return difference <= largest ? largest : difference.isNaN ? .infinity : difference
        }
        return size > 0 ? difference / size : difference
    }
}

extension LoRA {
    /// scale · B A
    fileprivate func change(_ values: ParameterVector) -> Matrix {
        let (left, right) = (values[b], values[a])
        var change = Matrix(rows: left.rows, columns: right.columns)
        withViews(left, right) { views in
            change.withMutableView { Product.compute(views[0], views[1], scale: scale, into: $0) }
        }
        return change
    }
}
