import Encoders
import Files

/// LoRA (``LoRA``) and what it comes in: with trained lengths (``DoRA``), with biases, with a fixed A, on tables of embeddings
/// (``TableLoRA``), with rows of them that train whole (``TrainedRows``).
public struct LoRAMethod: AdapterMethod {
    /// "lora"
    public static let name = "lora"
    /// "LORA"
    public static let peftType = "LORA"
    /// ".lora_"
    public static let tensorMark = ".lora_"
    /// Yes.
    public static let adaptsEmbeddings = true
    /// What a recipe may say of it.
    public static let settingNames = [
        "rank", "alpha", "rank_stabilized", "dropout", "dora", "lora_bias", "bias", "train_a", "tokens",
        "initialization", "rho",
    ]

    /// Rank of the low-rank update: `r`.
    public var rank: Int
    /// Numerator of its scale: `lora_alpha`.
    public var alpha: Float
    /// Scale by alpha / √rank and not alpha / rank: `use_rslora`.
    public var isRankStabilized: Bool
    /// Share of the input dropped on the low-rank path in training: `lora_dropout`.
    public var dropoutRate: Float
    /// Whether the lengths of the weight's rows train: `use_dora`.
    public var trainsLengths = false
    /// Whether there is a bias behind B: `lora_bias`.
    public var hasBias = false
    /// Whether the biases of the adapted maps train with the adapter: `bias: lora_only`.
    public var trainsBaseBiases = false
    /// Whether A trains. Where it does not (LoRA-FA), the files are those of LoRA: what is written is the same.
    public var trainsA = true
    /// How the factors start: `init_lora_weights`.
    public var initialization = LoRAInitialization.standard
    /// The largest rank of a map that ``LoRAInitialization/eva`` gives, as a multiple of ``rank``.
    public var rho: Float = 2
    /// `rank_pattern`: the rank of the modules that a pattern matches.
    public var rankPattern: [String: Int] = [:]
    /// `alpha_pattern`: the alpha of the modules that a pattern matches.
    public var alphaPattern: [String: Float] = [:]
    /// Rows of tables of embeddings that train whole: `trainable_token_indices`.
    public var tokens: [Tokens] = []
    /// The tables, and the map behind them, that are adapted too.
    public internal(set) var embeddings: [AdaptedModule] = []
    /// Settings of single modules, before ``settled(on:for:)`` has made patterns of them.
    var own: [Own] = []

    /// Rows of one table that train whole.
    public struct Tokens: Sendable, Equatable {
        /// The table: Graft's name of it or that of its module; nil: that of words.
        public var table: String?
        /// The rows' numbers.
        public var indices: [Int]

        /// The given rows.
        public init(table: String? = nil, _ indices: [Int]) { (self.table, self.indices) = (table, indices) }
    }

    /// Settings of some modules that are not those of all.
    struct Own: Sendable, Equatable {
        let modules: [AdaptedModule]
        let rank: Int
        let alpha: Float
        let dropoutRate: Float
    }

    /// LoRA with the field's usual settings: rank 8, alpha 16.
    public init(rank: Int = 8, alpha: Float = 16, isRankStabilized: Bool = false, dropoutRate: Float = 0) {
        (self.rank, self.alpha) = (rank, alpha)
        (self.isRankStabilized, self.dropoutRate) = (isRankStabilized, dropoutRate)
    }

    /// The method with settings by name.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init()
        rank = try settings.integer("rank", default: rank, in: 1...4096)
        alpha = try settings.positive("alpha", default: alpha)
        isRankStabilized = try settings.flag("rank_stabilized", default: false)
        dropoutRate = try settings.number("dropout", default: 0, in: 0...0.99)
        trainsLengths = try settings.flag("dora", default: false)
        hasBias = try settings.flag("lora_bias", default: false)
        trainsA = try settings.flag("train_a", default: true)
        // All biases are a part of the encoder that a stage trains, beside whatever adapters.
        trainsBaseBiases = try settings.choice("bias", default: false, of: [("none", false), ("lora_only", true)])
        tokens = try LoRAMethod.tokens(settings)
        initialization = try settings.choice(
            "initialization", default: .standard, of: LoRAInitialization.allCases.map { ($0.rawValue, $0) })
        rho = try settings.number("rho", default: 2, in: 1...1000)
        if hasBias, initialization != .standard {
            throw settings.invalid("initialization", "standard where B has a bias, as PEFT has it")
        }
        if trainsLengths, initialization.isOffset {
            throw settings.invalid(
                "initialization", "a start that leaves the weight whole where lengths train (DoRA): not pissa or olora")
        }
        if trainsLengths, hasBias { throw settings.invalid("lora_bias", "false where lengths train (DoRA)") }
    }

    private static func tokens(_ settings: MethodSettings) throws(AdapterError) -> [Tokens] {
        func rows(_ value: MethodSettings.Value) -> [Int]? {
            guard case .list(let list) = value, !list.isEmpty else { return nil }
            let rows = list.compactMap { item -> Int? in
                guard case .number(let number) = item, let row = Int(exactly: number), row >= 0 else { return nil }
                return row
            }
            return rows.count == list.count && Set(rows).count == rows.count ? rows : nil
        }
        let expected = "a list of token ids, each once, or an object of such lists by the names of tables"
        switch settings["tokens"] {
        case nil: return []
        case .object(let tables)?:
            var tokens: [Tokens] = []
            for (table, value) in tables.sorted(by: { $0.key < $1.key }) {
                guard let rows = rows(value) else { throw settings.invalid("tokens", expected) }
                tokens.append(Tokens(table: table, rows))
            }
            return tokens
        case let value?:
            guard let rows = rows(value) else { throw settings.invalid("tokens", expected) }
            return [Tokens(rows)]
        }
    }

    /// "LoRA of rank 8 (alpha 16)"
    public var summary: String {
        let name =
            (isRankStabilized ? "rank-stabilized " : "") + (trainsLengths ? "DoRA" : trainsA ? "LoRA" : "LoRA-FA")
        var parts = ["\(name) of rank \(rank) (alpha \(alpha.plainText))"]
        if hasBias { parts.append("a bias") }
        if trainsBaseBiases { parts.append("the biases of the adapted maps") }
        let tables = embeddings.compactMap(\.table)
        if !tables.isEmpty { parts.append("the tables of " + tables.map(\.rawValue).joined(separator: ", ")) }
        let rows = tokens.reduce(0) { $0 + $1.indices.count }
        if rows > 0 { parts.append("\(rows) trained " + (rows == 1 ? "token" : "tokens")) }
        return parts.count == 1
            ? parts[0] : parts[0] + " with " + parts.dropFirst().joined(separator: ", ")
    }

    /// Whether there are rows of tables that train whole.
    public var trainsElsewhere: Bool { !tokens.isEmpty }

    /// The same on tables of embeddings and the map behind them as well; a bias behind B is refused there, as PEFT has none.
    public func adapting(_ embeddings: [AdaptedModule], of config: EncoderConfig) throws(AdapterError) -> LoRAMethod {
        var method = self
        method.embeddings = embeddings
        if hasBias, let table = embeddings.first(where: { $0.table != nil }) {
            throw .notOfMethod("has no 'lora_bias' for tables, and \(table.name) is to be adapted", method: Self.name)
        }
        return method
    }

    /// The same, with rank, alpha and dropout of their own on some modules.
    public func setting(
        _ settings: MethodSettings, at modules: [AdaptedModule]
    ) throws(AdapterError) -> LoRAMethod {
        let known = ["rank", "alpha", "dropout"]
        if let other = settings.names.first(where: { !known.contains($0) }) {
            throw .notOfMethod(
                "has the same '\(other)' everywhere; a part may have its own \(known.joined(separator: ", "))",
                method: Self.name)
        }
        var method = self
        method.own.append(
            Own(
                modules: modules, rank: try settings.integer("rank", default: rank, in: 1...4096),
                alpha: try settings.positive("alpha", default: alpha),
                dropoutRate: try settings.number("dropout", default: dropoutRate, in: 0...0.99)))
        return method
    }

    // MARK: Adapters

    /// New adapters: what starts at random is a function of the seed and of the modules' names.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let patterns = ModulePatterns(for: encoder.config, prefix: "", file: AdapterBundle.configName)
        return try start(adapters(at: sites, patterns, on: encoder), on: encoder, seed: seed)
    }

    /// The same without the patterns that match none of the sites.
    public func keeping(_ sites: [Site], for config: EncoderConfig) -> LoRAMethod {
        let patterns = ModulePatterns(for: config, prefix: config.names.taskPrefix, file: AdapterBundle.configName)
        let modules = embeddings + sites.map { .linear($0) }
        func matches(_ pattern: String) -> Bool {
            let found = try? patterns.values([pattern: 0], field: "rank_pattern", among: modules)
            return !(found ?? [:]).isEmpty
        }
        var method = self
        method.rankPattern = rankPattern.filter { matches($0.key) }
        method.alphaPattern = alphaPattern.filter { matches($0.key) }
        return method
    }

    /// The adapters that this means, without values.
    func adapters(
        at sites: [Site], _ patterns: ModulePatterns, on encoder: TransformerEncoder
    ) throws(AdapterError) -> AdapterSet {
        let config = encoder.config
        let modules = embeddings + sites.map { .linear($0) }
        let shapes = try shapes(of: modules, patterns)
        var linear: [Site: any LinearAdapter] = [:]
        for site in sites {
            guard let (inputs, outputs) = config.extents(of: site.projection),
                let shape = shapes[.linear(site)]
            else { continue }
            let adapter = adapter(site.description, inputs: inputs, outputs: outputs, shape)
            let hasBaseBias = trainsBaseBiases && config.hasBias(site.projection)
            linear[site] =
                hasBaseBias
                ? BiasDelta(name: site.description, outputs: outputs, over: adapter, isOfAdapter: true) : adapter
        }
        if trainsBaseBiases, !linear.values.contains(where: { $0 is BiasDelta }) {
            throw .nothingToUnfreeze("biases", family: config.family.modelType)
        }
        var tables: [EmbeddingTable: any TableAdapter] = [:]
        for module in embeddings {
            guard let table = module.table, let shape = shapes[module], let extents = config.extents(of: table) else {
                continue
            }
            tables[table] = TableLoRA(
                name: module.name, rows: extents.rows, width: extents.columns, rank: shape.rank, scale: shape.scale,
                hasMagnitude: trainsLengths)
        }
        for (table, indices) in try rows(of: config, patterns) {
            guard tables[table] == nil else {
                throw .notOfMethod(
                    "adapts the table of \(table.rawValue) whole or some rows of it ('tokens'), not both",
                    method: Self.name)
            }
            tables[table] = TrainedRows(
                name: AdaptedModule.table(table).name, indices: indices, width: config.embeddingSize)
        }
        let projection = shapes[.embeddingProjection].map { shape in
            adapter(
                FrozenTensor.projection, inputs: config.embeddingSize, outputs: config.hiddenSize, shape)
        }
        let hasEmbeddings = !tables.isEmpty || projection != nil
        return AdapterSet(
            linear,
            embeddings: hasEmbeddings ? EmbeddingDelta(tables: [:], projection: projection, adapters: tables) : nil)
    }

    /// Rank, scale and dropout of an adapter.
    typealias Shape = (rank: Int, scale: Float, dropoutRate: Float)

    func shapes(
        of modules: [AdaptedModule], _ patterns: ModulePatterns
    ) throws(AdapterError) -> [AdaptedModule: Shape] {
        let ranks = try patterns.values(rankPattern, field: "rank_pattern", among: modules)
        let alphas = try patterns.values(alphaPattern, field: "alpha_pattern", among: modules)
        var shapes: [AdaptedModule: Shape] = [:]
        for module in modules {
            let own = own.first { $0.modules.contains(module) }
            let rank = own?.rank ?? ranks[module] ?? rank
            shapes[module] = (
                rank, scale(rank: rank, alpha: own?.alpha ?? alphas[module] ?? alpha), own?.dropoutRate ?? dropoutRate
            )
        }
        return shapes
    }

    func scale(rank: Int, alpha: Float) -> Float {
        alpha / (isRankStabilized ? Float(rank).squareRoot() : Float(rank))
    }

    private func adapter(_ name: String, inputs: Int, outputs: Int, _ shape: Shape) -> any LinearAdapter {
        let lora = LoRA(
            name: name, inputs: inputs, outputs: outputs, rank: shape.rank, scale: shape.scale,
            dropoutRate: shape.dropoutRate, hasBias: hasBias, isAFixed: !trainsA)
        return trainsLengths ? DoRA(name: name, over: lora) : lora
    }

    /// The rows that train, by their tables.
    private func rows(
        of config: EncoderConfig, _ patterns: ModulePatterns
    ) throws(AdapterError) -> [(table: EmbeddingTable, indices: [Int])] {
        var found: [(table: EmbeddingTable, indices: [Int])] = []
        for tokens in tokens {
            let tables = config.embeddingTables
            let named = tables.filter { table in
                guard let name = tokens.table else { return table == .words }
                return table.rawValue == name
                    || config.names.spellings(of: config.names.name(of: .table(table))).contains {
                        ModulePatterns.ends(String($0.dropLast(".weight".count)), in: name)
                    }
            }
            guard let table = named.first, let (count, _) = config.extents(of: table) else {
                throw .invalidSetting(
                    "tokens", found: "rows of '\(tokens.table ?? "")'",
                    expected: "rows of \(tables.map(\.rawValue).joined(separator: ", "))")
            }
            if let beyond = tokens.indices.first(where: { !(0..<count).contains($0) }) {
                throw .invalidSetting(
                    "tokens", found: "\(beyond)", expected: "rows of \(table.rawValue) from 0 to \(count - 1)")
            }
            guard !found.contains(where: { $0.table == table }) else {
                throw .invalidSetting("tokens", found: "the table of \(table.rawValue) twice", expected: "it once")
            }
            found.append((table, tokens.indices))
        }
        return found
    }
}

extension Float {
    /// The shortest decimal, without a fraction where there is none.
    package var plainText: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
