import Encoders
import Files
import Matrices
import Safetensors

/// AdaLoRA (``AdaLoRA``), as PEFT files it.
public struct AdaLoRAMethod: AdapterMethod {
    /// "adalora"
    public static let name = "adalora"
    /// "ADALORA"
    public static let peftType = "ADALORA"
    /// ".lora_"
    public static let tensorMark = ".lora_"
    /// Those of PEFT that matter, in full words; `rank` is the initial one.
    public static let settingNames = [
        "rank", "target_rank", "alpha", "dropout", "warmup_steps", "final_steps", "interval", "beta1", "beta2",
        "orthogonality",
    ]

    /// The rank of each map before training: `init_r`.
    public var rank: Int
    /// Numerator of the scale: `lora_alpha`.
    public var alpha: Float
    /// Share of the input dropped on the low-rank path in training: `lora_dropout`.
    public var dropoutRate: Float
    /// How ranks are given out.
    public var schedule: RankSchedule
    /// `rank_pattern`: which of the initial ranks are in use, by the names of tensors. A map that is not there has all.
    private var pattern: [String: [Bool]] = [:]

    /// PEFT's settings but for the alpha, which is such that the scale is 2 as that of LoRA.
    public init(rank: Int = 12, alpha: Float = 24, dropoutRate: Float = 0, schedule: RankSchedule = RankSchedule()) {
        (self.rank, self.alpha, self.dropoutRate, self.schedule) = (rank, alpha, dropoutRate, schedule)
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init()
        rank = try settings.integer("rank", default: rank, in: 1...4096)
        alpha = try settings.positive("alpha", default: 2 * Float(rank))
        dropoutRate = try settings.number("dropout", default: 0, in: 0...0.99)
        schedule = RankSchedule(
            targetRank: try settings.integer("target_rank", default: max(1, 2 * rank / 3), in: 1...rank),
            warmupSteps: try settings.integer("warmup_steps", default: 0, in: 0...Int.max),
            finalSteps: try settings.integer("final_steps", default: 0, in: 0...Int.max),
            interval: try settings.integer("interval", default: 1, in: 1...Int.max),
            sensitivityDecay: try settings.number("beta1", default: 0.85, in: 0.001...0.999),
            uncertaintyDecay: try settings.number("beta2", default: 0.85, in: 0.001...0.999),
            orthogonality: try settings.number("orthogonality", default: 0.5, in: 0...1e6))
    }

    /// "AdaLoRA from rank 12 to 8 (alpha 24)"
    public var summary: String { "AdaLoRA from rank \(rank) to \(schedule.targetRank) (alpha \(alpha.plainText))" }

    /// An adapter at each site, A and B random and E zero.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var linear: [Site: AdaLoRA] = [:]
        for site in sites { linear[site] = adapter(at: site, rank: rank, encoder.config) }
        return AdapterSet.started(linear, seed: seed)
    }

    private func adapter(at site: Site, rank: Int, _ config: EncoderConfig) -> AdaLoRA? {
        guard let (inputs, outputs) = config.extents(of: site.projection) else { return nil }
        return AdaLoRA(
            name: site.description, inputs: inputs, outputs: outputs, rank: rank,
            scale: AdaLoRA.scale(alpha: alpha, initialRank: self.rank), dropoutRate: dropoutRate, schedule: schedule)
    }
}

// MARK: PEFT's files

extension AdaLoRAMethod {
    /// Those honoured, and those that say how training went.
    public static let fieldNames: Set<String> = [
        "init_r", "target_r", "lora_alpha", "lora_dropout", "tinit", "tfinal", "deltaT", "beta1", "beta2",
        "orth_reg_weight", "total_step", "rank_pattern", "r", "init_lora_weights", "use_rslora", "alpha_pattern",
        "corda_config", "ensure_weight_tying", "eva_config", "loftq_config", "lora_ga_config", "megatron_core",
        "qalora_group_size", "velora_config",
    ]

    /// PEFT's fields, with PEFT's defaults. `use_rslora` says nothing there.
    public init(_ fields: JSONFields) throws(AdapterError) {
        do throws(JSONFieldsError) {
            self.init(
                rank: try fields.positive("init_r", default: 12),
                alpha: try fields.number("lora_alpha", default: 8, in: -1e9...1e9),
                dropoutRate: try fields.number("lora_dropout", default: 0, in: 0...0.99),
                schedule: RankSchedule(
                    targetRank: try fields.positive("target_r", default: 8),
                    warmupSteps: try fields.count("tinit", default: 0),
                    finalSteps: try fields.count("tfinal", default: 0),
                    interval: try fields.positive("deltaT", default: 1),
                    sensitivityDecay: try fields.number("beta1", default: 0.85, in: 0...1),
                    uncertaintyDecay: try fields.number("beta2", default: 0.85, in: 0...1),
                    orthogonality: try fields.number("orth_reg_weight", default: 0.5, in: 0...1e9)))
            switch fields.value("rank_pattern") {
            case nil: break
            case let found as [String: [Bool]]: pattern = found
            case let value?: throw fields.invalid("rank_pattern", value, "an object of lists of true and false")
            }
        } catch { throw .configuration(error) }
        // PEFT multiplies by alpha / rank, and by alpha 0 or less as if it were the rank.
        if alpha <= 0 { alpha = Float(rank) }
    }

    /// Every field that PEFT's class asks for.
    public func fields() -> [String: Any] {
        var fields: [String: Any] = [
            "init_r": rank, "target_r": schedule.targetRank, "lora_alpha": PEFTConfiguration.plain(alpha),
            "lora_dropout": PEFTConfiguration.plain(dropoutRate), "tinit": schedule.warmupSteps,
            "tfinal": schedule.finalSteps, "deltaT": schedule.interval,
            "beta1": PEFTConfiguration.plain(schedule.sensitivityDecay),
            "beta2": PEFTConfiguration.plain(schedule.uncertaintyDecay),
            "orth_reg_weight": PEFTConfiguration.plain(schedule.orthogonality),
            // PEFT refuses a configuration without; to a trained adapter it says nothing.
            "total_step": schedule.warmupSteps + schedule.finalSteps + 1, "fan_in_fan_out": false,
            "init_lora_weights": true,
        ]
        if !pattern.isEmpty { fields["rank_pattern"] = pattern }
        return fields
    }

    /// The method with a `rank_pattern` that says the ranks of these adapters. Which of the initial ones they were means nothing.
    public func settled(on adapters: AdapterSet, for config: EncoderConfig) -> AdaLoRAMethod {
        var method = self
        method.pattern = [:]
        for site in adapters.sites {
            guard let rank = (adapters.linear[site]?.proper as? AdaLoRA)?.a.rows, rank < self.rank else { continue }
            method.pattern[config.names.module(of: site) + AdaLoRAMethod.patternEnding] = (0..<self.rank).map {
                $0 < rank
            }
        }
        return method
    }

    /// The same for a task model, which puts `prefix` before the names of modules.
    func behind(_ prefix: String) -> AdaLoRAMethod {
        var method = self
        method.pattern = Dictionary(uniqueKeysWithValues: pattern.map { (prefix + $0.key, $0.value) })
        return method
    }

    private static let patternEnding = ".lora_E"

    /// The ranks in use of each map.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var linear: [Site: AdaLoRA] = [:]
        for site in sites {
            let rank = rank(of: site, reader)
            if rank > 0 { linear[site] = adapter(at: site, rank: rank, reader.encoder.config) }
        }
        let adapters = AdapterSet(linear)
        var values = ParameterVector(adapters.parameters)
        for site in sites {
            let module = reader.peftNames.module(site)
            guard let adapter = linear[site] else {
                guard let (inputs, outputs) = reader.encoder.config.extents(of: site.projection) else { continue }
                // Without a rank in use they are empty, and there all the same.
                _ = try reader.read(module + ".lora_A", shape: [0, inputs])
                _ = try reader.read(module + ".lora_E", shape: [0, 1])
                _ = try reader.read(module + ".lora_B", shape: [outputs, 0])
                continue
            }
            values[adapter.a] = try reader.read(module + ".lora_A", shape: [adapter.a.rows, adapter.a.columns])
            let e = try reader.read(module + ".lora_E", shape: [adapter.e.columns, 1])
            values[adapter.e] = Matrix(rows: 1, columns: e.rows, values: e.values)
            values[adapter.b] = try reader.read(module + ".lora_B", shape: [adapter.b.rows, adapter.b.columns])
        }
        return (adapters, values)
    }

    /// The ranks in use that the pattern says of a map; the initial ones where it says nothing.
    private func rank(of site: Site, _ reader: AdapterReader) -> Int {
        let name = reader.peftNames.module(site).dropFirst(PEFTNames.always.count) + AdaLoRAMethod.patternEnding
        return pattern[String(name)]?.count { $0 } ?? rank
    }

    /// A, E and B of each map.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        for site in adapters.sites {
            guard let adapter = adapters.linear[site]?.proper as? AdaLoRA else { continue }
            let module = names.module(site)
            writer.add(
                module + ".lora_A", shape: [adapter.a.rows, adapter.a.columns], floats: parameters[adapter.a].values)
            writer.add(module + ".lora_E", shape: [adapter.e.columns, 1], floats: parameters[adapter.e].values)
            writer.add(
                module + ".lora_B", shape: [adapter.b.rows, adapter.b.columns], floats: parameters[adapter.b].values)
        }
    }
}
