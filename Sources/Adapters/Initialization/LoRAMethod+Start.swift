import Encoders
import Files
import Matrices

/// How LoRA starts, and what of that is in its files.
extension LoRAMethod {
    /// The adapters with their starting values; where they start at a part of the weight, as ``OffsetLoRA``. Tables start as PEFT has
    /// them start whatever is asked for: with A zero and B random.
    ///
    /// - Throws: ``AdapterError/cannotStart(_:site:reason:)``
    func start(
        _ adapters: AdapterSet, on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let maps = lowRankMaps(of: adapters, on: encoder)
        func refusal(_ reason: String) -> AdapterError {
            .cannotStart(initialization.rawValue, site: maps.first?.module.name ?? "any site", reason: reason)
        }
        if initialization != .standard, hasBias { throw refusal("a bias behind B goes with the standard start alone") }
        if initialization.isOffset, trainsLengths {
            throw refusal("it takes a part of the weight for the adapter, and DoRA takes the lengths of the whole")
        }
        if initialization == .loftq, let table = embeddings.first(where: { $0.table != nil }) {
            throw .cannotStart(
                initialization.rawValue, site: table.name,
                reason: "tables are in float32 and have lost nothing by rounding; leave them out")
        }
        let started = Parallel.map(maps.count) { index in
            Result { () throws(AdapterError) in
                try initialization.start(maps[index].lora, on: maps[index].map, seed: seed)
            }
        }
        var changed: [AdaptedModule: any LinearAdapter] = [:]
        var values: [Parameter: Matrix] = [:]
        for (place, result) in zip(maps, started) {
            let (adapter, a, b) = try result.get()
            if !(adapter is LoRA) { changed[place.module] = adapter }
            (values[place.lora.a], values[place.lora.b]) = (a, b)
        }
        let set = adapters.replacingProper(with: changed)
        var parameters = ParameterVector(set.parameters)
        for (parameter, value) in values { parameters[parameter] = value }
        for place in maps { place.dora?.setMagnitude(in: &parameters, on: place.map) }
        for (table, adapter) in set.embeddings?.adapters ?? [:] {
            let values = encoder.values(of: .table(table))
            (adapter as? TableLoRA)?.initialize(&parameters, on: values, seed: seed)
            (adapter as? TrainedRows)?.initialize(&parameters, on: values)
        }
        return (set, parameters)
    }

    /// A linear map with a LoRA on it, or with the DoRA that this one is part of.
    private typealias LowRankMap = (module: AdaptedModule, map: FrozenLinear, lora: LoRA, dora: DoRA?)

    private func lowRankMaps(of adapters: AdapterSet, on encoder: TransformerEncoder) -> [LowRankMap] {
        var maps: [LowRankMap] = []
        func add(_ adapter: (any LinearAdapter)?, _ module: AdaptedModule, _ map: FrozenLinear) {
            let dora = adapter?.proper as? DoRA
            guard let lora = (adapter?.proper as? LoRA) ?? dora?.lora else { return }
            maps.append((module, map, lora, dora))
        }
        for site in adapters.sites { add(adapters.linear[site], .linear(site), encoder[site]) }
        if let map = encoder.embeddingProjection { add(adapters.embeddings?.projection, .embeddingProjection, map) }
        return maps
    }

    /// The method of the plain LoRA that the files have where adapters start at a part of the weight: of twice the rank, with the
    /// same scale.
    var plain: LoRAMethod {
        guard initialization.isOffset else { return self }
        var method = self
        method.initialization = .standard
        method.rank = 2 * rank
        if isRankStabilized {
            // Where ranks differ, so do the alphas then: ``settled(on:for:)`` finds them.
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
        _ adapters: AdapterSet, _ values: ParameterVector, of encoder: TransformerEncoder
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        guard initialization.isOffset else { return (adapters, values) }
        let maps = lowRankMaps(of: adapters, on: encoder)
        let read = Parallel.map(maps.count) { index in
            Result { () throws(AdapterError) in
                let (module, map, lora, _) = maps[index]
                return try PEFTStart.plain(
                    a: values[lora.a], b: values[lora.b], scale: lora.scale, startedBy: initialization, on: map,
                    site: module.name)
            }
        }
        var changed: [AdaptedModule: any LinearAdapter] = [:]
        var own: [Parameter: Matrix] = [:]
        for (place, result) in zip(maps, read) {
            let (a, b) = try result.get()
            let plain = LoRA(
                name: place.module.name, inputs: a.columns, outputs: b.rows, rank: a.rows, scale: place.lora.scale,
                dropoutRate: place.lora.dropoutRate, isAFixed: place.lora.isAFixed)
            // Lengths are those of the same sum.
            changed[place.module] = place.dora.map { _ in DoRA(name: place.module.name, over: plain) } ?? plain
            (own[plain.a], own[plain.b]) = (a, b)
        }
        let set = adapters.replacingProper(with: changed)
        var parameters = ParameterVector(set.parameters)
        let before = Set(adapters.parameters)
        for parameter in set.parameters {
            if let value = own[parameter] {
                parameters[parameter] = value
            } else if before.contains(parameter) {
                parameters[parameter] = values[parameter]
            }
        }
        return (set, parameters)
    }
}

extension LoRAInitialization {
    /// Whether the adapter starts at a part of the weight.
    var isOffset: Bool { self == .pissa || self == .olora }
}
