import Encoders
import Files
import Matrices

/// How LoRA starts, and what of that is in its files.
extension LoRAMethod {
    /// The adapters with their starting values; where they start at a part of the weight, as ``OffsetLoRA``.
    ///
    /// - Throws: ``AdapterError/cannotStart(_:site:reason:)``
    func start(
        _ linear: [Site: LoRA], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let sites = linear.keys.sorted()
        if initialization.isOffset, isRankStabilized, !(rankPattern.isEmpty && alphaPattern.isEmpty) {
            throw .cannotStart(
                initialization.rawValue, site: sites.first?.description ?? "any site",
                reason:
                    "rank-stabilized LoRA whose ranks differ has no plain form of twice the rank; leave one of the two out"
            )
        }
        let started = Parallel.map(sites.count) { index in
            Result { () throws(AdapterError) -> (adapter: any LinearAdapter, values: [Parameter: Matrix]) in
                guard let lora = linear[sites[index]] else { preconditionFailure("each site has its adapter") }
                let (adapter, a, b) = try initialization.start(lora, on: encoder[sites[index]], seed: seed)
                return (adapter, [lora.a: a, lora.b: b])
            }
        }
        var (adapters, values) = ([Site: any LinearAdapter](), [Parameter: Matrix]())
        for (site, result) in zip(sites, started) {
            let (adapter, own) = try result.get()
            adapters[site] = adapter
            values.merge(own) { _, new in new }
        }
        let set = AdapterSet(adapters)
        var parameters = ParameterVector(set.parameters)
        for (parameter, value) in values { parameters[parameter] = value }
        return (set, parameters)
    }

    /// The method of the plain LoRA that the files have where adapters start at a part of the weight: of twice the rank, with the
    /// same scale.
    var plain: LoRAMethod {
        guard initialization.isOffset else { return self }
        var method = self
        method.initialization = .standard
        method.rank = 2 * rank
        if isRankStabilized {
            (method.isRankStabilized, method.alpha) = (false, alpha / Float(rank).squareRoot() * Float(2 * rank))
        } else {
            method.alpha = 2 * alpha
            method.rankPattern = rankPattern.mapValues { 2 * $0 }
            method.alphaPattern = alphaPattern.mapValues { 2 * $0 }
        }
        return method
    }

    /// What `init_lora_weights` says of a folder: whether the base that it was trained on lacks a part.
    static func start(_ fields: JSONFields) throws(AdapterError) -> LoRAInitialization {
        guard let value = fields.value("init_lora_weights") else { return .standard }
        let text = (value as? String) ?? (value as? Bool).map { $0 ? "true" : "false" } ?? "\(value)"
        switch text {
        case "true", "false", "gaussian", "eva", "orthogonal": return .standard
        case "pissa": return .pissa
        case "olora": return .olora
        default:
            // The others subtract something from the base weights that is random, or that the folder does not hold.
            throw .unsupportedField(
                file: fields.file, field: "init_lora_weights", found: text,
                expected: "true, false, gaussian, eva, orthogonal, pissa, olora")
        }
    }

    /// Adapters that were read, on the base as it is: with the part that their own base lacked taken out of them.
    func onWholeBase(
        _ linear: [Site: LoRA], _ values: ParameterVector, of encoder: TransformerEncoder
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        guard initialization.isOffset else { return (AdapterSet(linear), values) }
        let sites = linear.keys.sorted()
        let read = Parallel.map(sites.count) { index in
            Result { () throws(AdapterError) -> (LoRA, a: Matrix, b: Matrix) in
                let site = sites[index]
                guard let lora = linear[site] else { preconditionFailure("each site has its adapter") }
                let (a, b) = try PEFTStart.plain(
                    a: values[lora.a], b: values[lora.b], scale: lora.scale, startedBy: initialization,
                    on: encoder[site], site: site.description)
                let plain = LoRA(
                    name: site.description, inputs: a.columns, outputs: b.rows, rank: a.rows, scale: lora.scale,
                    dropoutRate: lora.dropoutRate)
                return (plain, a, b)
            }
        }
        var (plain, own) = ([Site: LoRA](), [Parameter: Matrix]())
        for (site, result) in zip(sites, read) {
            let (lora, a, b) = try result.get()
            plain[site] = lora
            (own[lora.a], own[lora.b]) = (a, b)
        }
        let adapters = AdapterSet(plain)
        var parameters = ParameterVector(adapters.parameters)
        for (parameter, value) in own { parameters[parameter] = value }
        return (adapters, parameters)
    }
}

extension LoRAInitialization {
    /// Whether the adapter starts at a part of the weight.
    var isOffset: Bool { self == .pissa || self == .olora }
}
