import Encoders
import Files
import Foundation
import Safetensors

/// How PEFT files LoRA.
extension LoRAMethod {
    /// The fields that are honoured, and those that cannot change what a saved adapter computes.
    public static let fieldNames: Set<String> = [
        "r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern", "corda_config", "enable_lora",
        "ensure_weight_tying", "eva_config", "init_lora_weights", "loftq_config", "lora_bias", "lora_ga_config",
        "megatron_core", "merge_weights", "qalora_group_size", "trainable_token_indices", "use_dora", "velora_config",
    ]

    /// The method as `adapter_config.json` says it.
    public init(_ fields: JSONFields) throws(AdapterError) {
        do {
            self.init(
                rank: try fields.positive("r", default: 8),
                alpha: try fields.number("lora_alpha", default: 8, in: -1e9...1e9),
                isRankStabilized: try fields.flag("use_rslora", default: false),
                dropoutRate: try fields.number("lora_dropout", default: 0, in: 0...0.99))
            rankPattern = try fields.numbers("rank_pattern").mapValues { Int($0) }
            alphaPattern = try fields.numbers("alpha_pattern").mapValues { Float($0) }
            trainsLengths = try fields.flag("use_dora", default: false)
            hasBias = try fields.flag("lora_bias", default: false)
            trainsBaseBiases = try fields.text("bias") == PEFTConfiguration.Biases.adapted.rawValue
            tokens = try LoRAMethod.tokens(fields)
        } catch { throw .configuration(error) }
        if trainsLengths, hasBias {
            throw .unsupportedField(
                file: fields.file, field: "lora_bias", found: "true", expected: "false beside use_dora, as PEFT has it")
        }
        if let (pattern, rank) = rankPattern.first(where: { $0.value < 1 }) {
            throw .unsupportedField(
                file: fields.file, field: "rank_pattern", found: "\(rank) for '\(pattern)'", expected: "1 or more")
        }
        initialization = try LoRAMethod.start(fields)
    }

    private static func tokens(_ fields: JSONFields) throws(JSONFieldsError) -> [Tokens] {
        let name = "trainable_token_indices"
        let found: [Tokens]
        switch fields.value(name) {
        case nil: return []
        case let indices as [Int]: found = [Tokens(indices)]
        case let tables as [String: [Int]]:
            found = tables.sorted { $0.key < $1.key }.map { Tokens(table: $0.key, $0.value) }
        case let value?: throw fields.invalid(name, value, "a list of token ids, or an object of such lists")
        }
        for tokens in found where Set(tokens.indices).count != tokens.indices.count || tokens.indices.isEmpty {
            throw fields.invalid(name, fields.value(name) ?? "", "each token once, and one at least")
        }
        return found
    }

    /// The keys that every version of PEFT knows, and of the others those that are not at their default: versions before 0.13
    /// refuse keys that they do not know.
    public func fields() -> [String: Any] {
        var fields: [String: Any] = [
            "fan_in_fan_out": false, "init_lora_weights": true, "lora_alpha": PEFTConfiguration.plain(alpha),
            "lora_dropout": PEFTConfiguration.plain(dropoutRate), "r": rank,
        ]
        if isRankStabilized { fields["use_rslora"] = true }
        if trainsLengths { fields["use_dora"] = true }
        if hasBias { fields["lora_bias"] = true }
        if !rankPattern.isEmpty { fields["rank_pattern"] = rankPattern }
        if !alphaPattern.isEmpty { fields["alpha_pattern"] = alphaPattern.mapValues(PEFTConfiguration.plain) }
        if tokens.count == 1, tokens[0].table == nil {
            fields["trainable_token_indices"] = tokens[0].indices
        } else if !tokens.isEmpty {
            fields["trainable_token_indices"] = Dictionary(
                uniqueKeysWithValues: tokens.map { ($0.table ?? EmbeddingTable.words.rawValue, $0.indices) })
        }
        return fields
    }

    // MARK: Tensors

    /// The adapters at `sites`, and on embeddings, with the values that a folder has for them.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let adapters = try adapters(at: sites, reader.patterns, on: reader.encoder)
        var values = ParameterVector(adapters.parameters)
        for tensor in LoRAMethod.tensors(of: adapters, reader.peftNames) {
            values[tensor.parameter] = try reader.read(tensor.name, shape: tensor.shape)
        }
        // The biases themselves are read as what was trained of the encoder.
        for (site, adapter) in adapters.linear where adapter is BiasDelta {
            try reader.require(reader.peftNames.base(.bias(site), isUnderAdapter: true))
        }
        return try onWholeBase(adapters, values, of: reader.encoder)
    }

    /// Adds the tensors of the adapters to a file.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        for tensor in LoRAMethod.tensors(of: adapters, names) {
            writer.add(tensor.name, shape: tensor.shape, floats: parameters[tensor.parameter].values)
        }
    }

    /// What a parameter is in a file.
    private typealias Tensor = (name: String, shape: [Int], parameter: Parameter)

    /// The tensors of all adapters.
    private static func tensors(of adapters: AdapterSet, _ names: PEFTNames) -> [Tensor] {
        var tensors: [Tensor] = []
        func add(_ module: String, _ suffix: String, _ parameter: Parameter?, isVector: Bool = false) {
            guard let parameter else { return }
            let shape = isVector ? [parameter.columns] : [parameter.rows, parameter.columns]
            tensors.append((module + suffix, shape, parameter))
        }
        func add(_ adapter: (any LinearAdapter)?, _ module: AdaptedModule) {
            guard let adapter = adapter?.proper, let lora = (adapter as? LoRA) ?? (adapter as? DoRA)?.lora else {
                return
            }
            let name = names.module(module)
            add(name, ".lora_A.weight", lora.a)
            add(name, ".lora_B.weight", lora.b)
            add(name, ".lora_B.bias", lora.bias, isVector: true)
            add(name, ".lora_magnitude_vector", (adapter as? DoRA)?.magnitude, isVector: true)
        }
        for table in EmbeddingTable.allCases {
            let name = adapters.embeddings?.adapters[table].map { _ in names.module(.table(table)) } ?? ""
            if let lora = adapters.embeddings?.adapters[table] as? TableLoRA {
                add(name, ".lora_embedding_A", lora.a)
                add(name, ".lora_embedding_B", lora.b)
                add(name, ".lora_magnitude_vector", lora.magnitude, isVector: true)
            }
            if let rows = adapters.embeddings?.adapters[table] as? TrainedRows {
                add(name, ".token_adapter.trainable_tokens_delta", rows.values)
            }
        }
        if adapters.embeddings?.projection != nil { add(adapters.embeddings?.projection, .embeddingProjection) }
        for site in adapters.sites { add(adapters.linear[site], .linear(site)) }
        return tensors
    }

    // MARK: Patterns

    /// The method with `rank_pattern` and `alpha_pattern` that say the ranks and scales of these adapters, and the tables that they
    /// are on.
    public func settled(on adapters: AdapterSet, for config: EncoderConfig) -> LoRAMethod {
        var method = self
        method.own = []
        method.embeddings = adapters.adaptedModules.filter {
            $0 == .embeddingProjection || ($0.table.flatMap { adapters.embeddings?.adapters[$0] } is TableLoRA)
        }
        method.tokens = tokens.map { tokens in
            // As PEFT's modules are called, which are the same for every reader.
            let table = config.embeddingTables.first { $0.rawValue == tokens.table }
            return Tokens(table: table.map { config.names.module(of: .table($0)) } ?? tokens.table, tokens.indices)
        }
        let found = adapters.adaptedModules.compactMap { module in
            adapters.lowRank(at: module).map { (module: module, rank: $0.rank, scale: $0.scale) }
        }
        guard !found.isEmpty else { return method }
        let patterns = ModulePatterns(for: config, prefix: "", file: AdapterBundle.configName)
        if let shapes = try? method.shapes(of: found.map(\.module), patterns),
            found.allSatisfy({ shapes[$0.module]?.rank == $0.rank && shapes[$0.module]?.scale == $0.scale })
        {
            return method
        }
        method.rankPattern = LoRAMethod.pattern(
            found.filter { $0.rank != rank }.map { ($0.module, $0.rank) }, for: config)
        let alphas = found.map { module, rank, scale in (module, self.alpha(rank: rank, scale: scale)) }
        method.alphaPattern = LoRAMethod.pattern(alphas.filter { $0.1 != alpha }, for: config)
        return method
    }

    /// The alpha that gives a scale: the plainest of those that do.
    private func alpha(rank: Int, scale: Float) -> Float {
        let divisor = isRankStabilized ? Float(rank).squareRoot() : Float(rank)
        let exact = scale * divisor
        let candidates = [alpha] + own.map(\.alpha) + [exact.rounded(), exact, exact.nextUp, exact.nextDown]
        return candidates.first { $0 / divisor == scale } ?? exact
    }

    /// Patterns that give each of these modules its value and no other module any.
    private static func pattern<Value: Hashable>(
        _ values: [(AdaptedModule, Value)], for config: EncoderConfig
    ) -> [String: Value] {
        var pattern: [String: Value] = [:]
        let names = config.names
        for (value, modules) in Dictionary(grouping: values, by: { $0.1 }).mapValues({ $0.map { $0.0 } }) {
            for module in modules where module.site == nil { pattern[names.module(of: module).escaped] = value }
            for (projection, sites) in Dictionary(grouping: modules.compactMap(\.site), by: \.projection) {
                let layers = sites.map(\.layer).sorted()
                let own = names.module(of: projection).escaped
                guard layers.count > 1, let (before, after) = names.aroundLayerNumber else {
                    for layer in layers { pattern["\(names.layer(layer).escaped)\\.\(own)"] = value }
                    continue
                }
                let numbers = layers.map(String.init).joined(separator: "|")
                pattern["\(before.escaped)(\(numbers))\(after.escaped)\\.\(own)"] = value
            }
        }
        return pattern
    }
}

extension String {
    /// The same as a regular expression for itself; names of modules have letters, digits, `_` and dots.
    fileprivate var escaped: String { replacingOccurrences(of: ".", with: "\\.") }
}

extension CheckpointNames {
    /// What the paths of all layers have before and behind their numbers.
    fileprivate var aroundLayerNumber: (before: String, after: String)? {
        // Signs that no path has tell the number from others: 7 and 8 differ in it alone.
        let (left, right) = (layer(7), layer(8))
        guard left.count == right.count,
            let place = zip(left.indices, zip(left, right)).first(where: { $0.1.0 != $0.1.1 })?.0
        else { return nil }
        return (String(left[..<place]), String(left[left.index(after: place)...]))
    }
}

extension AdapterSet {
    /// Rank and scale of the low-rank adapter at a module; nil where there is none.
    fileprivate func lowRank(at module: AdaptedModule) -> (rank: Int, scale: Float)? {
        let adapter: (any LinearAdapter)?
        switch module {
        case .table(let table):
            return (embeddings?.adapters[table] as? TableLoRA).map { ($0.a.rows, $0.scale) }
        case .embeddingProjection: adapter = embeddings?.projection?.proper
        case .linear(let site): adapter = linear[site]?.proper
        }
        return ((adapter as? LoRA) ?? (adapter as? DoRA)?.lora).map { ($0.a.rows, $0.scale) }
    }
}
