import Encoders
import Files
import Foundation

/// `adapter_config.json` as PEFT writes and reads it, for LoRA.
///
/// Every field of PEFT 0.21 is known here: it is honoured, or it cannot change the result, or a value that would is
/// refused by name.
public struct PEFTConfiguration: Sendable, Equatable {
    /// `r`
    public var rank: Int
    /// `lora_alpha`
    public var alpha: Float
    /// `lora_dropout`
    public var dropoutRate: Float
    /// `use_rslora`
    public var isRankStabilized: Bool
    /// `target_modules`
    public var targets: Targets
    /// `exclude_modules`: modules that are not adapted though they are targets; nil: none.
    public var excluded: Targets?
    /// `layers_to_transform`; nil: all.
    public var layers: [Int]?
    /// `rank_pattern`: the rank of the modules that a pattern matches.
    public var rankPattern: [String: Int]
    /// `alpha_pattern`: the alpha of the modules that a pattern matches.
    public var alphaPattern: [String: Float]
    /// `modules_to_save`: modules that were trained and saved whole, of the encoder or of a task model's head.
    public var modulesToSave: [String]
    /// `bias`: which biases of the base were trained and saved whole.
    public var biases: Biases
    /// `base_model_name_or_path`
    public var baseModel: String?
    /// `task_type`
    public var taskType: String?

    /// Which biases of the base were trained.
    public enum Biases: String, Sendable, CaseIterable {
        case none, all
        /// Those of the maps that have an adapter.
        case adapted = "lora_only"
    }

    /// Which modules are adapted.
    public enum Targets: Sendable, Equatable {
        /// Whole names or endings of names after a dot.
        case names([String])
        /// A regular expression for the whole name.
        case pattern(String)
        /// `all-linear`
        case allLinear
        /// `dummy-target-modules`: no module, which PEFT takes where only whole modules or biases were trained.
        case nothing

        static let nothingName = "dummy-target-modules"

        /// The names, or the pattern, or `all-linear`, for people to read.
        public var names: [String] {
            switch self {
            case .names(let names): names
            case .pattern(let pattern): [pattern]
            case .allLinear: ["all-linear"]
            case .nothing: []
            }
        }

        /// As it stands in the file.
        var value: Any {
            switch self {
            case .names(let names): names
            case .pattern(let pattern): pattern
            case .allLinear: "all-linear"
            case .nothing: Targets.nothingName
            }
        }
    }

    /// Reads `adapter_config.json` of an adapter folder.
    ///
    /// - Throws: ``AdapterError`` naming the field that is wrong or unsupported.
    public init(contentsOf folder: URL) throws(AdapterError) {
        let fields: JSONFields
        do { fields = try JSONFields(contentsOf: folder.appending(path: "adapter_config.json")) } catch {
            throw .configuration(error)
        }
        do {
            _ = try fields.choice("peft_type", of: [("LORA", ())])
            rank = try fields.positive("r", default: 8)
            alpha = try fields.number("lora_alpha", default: 8, in: -1e9...1e9)
            dropoutRate = try fields.number("lora_dropout", default: 0, in: 0...0.99)
            isRankStabilized = try fields.flag("use_rslora", default: false)
            targets = try fields.required("target_modules", PEFTConfiguration.targets("target_modules", fields))
            excluded = try PEFTConfiguration.targets("exclude_modules", fields)
            layers = try PEFTConfiguration.layers(fields)
            rankPattern = try fields.numbers("rank_pattern").mapValues { Int($0) }
            alphaPattern = try fields.numbers("alpha_pattern").mapValues { Float($0) }
            modulesToSave = try fields.names("modules_to_save")
            biases = try fields.choice(
                "bias", default: Biases.none.rawValue, of: Biases.allCases.map { ($0.rawValue, $0) })
            baseModel = try fields.text("base_model_name_or_path")
            taskType = try fields.text("task_type")
        } catch { throw .configuration(error) }
        try PEFTConfiguration.refuseUnsupported(fields)
    }

    /// The configuration of a recipe, nil if there is none, and of what is unfrozen besides.
    init(_ recipe: AdapterRecipe?, _ unfrozen: UnfrozenTensors, for config: EncoderConfig, baseModel: String?) {
        let settings = recipe ?? AdapterRecipe(alpha: 8)
        (rank, alpha, dropoutRate) = (settings.rank, settings.alpha, settings.dropoutRate)
        isRankStabilized = settings.isRankStabilized
        targets = recipe.map { .names(PEFTTargets.names(of: $0, for: config)) } ?? .nothing
        excluded = nil
        self.layers = recipe?.layers
        (rankPattern, alphaPattern) = ([:], [:])
        modulesToSave = unfrozen.modules
        biases = unfrozen.biases
        (self.baseModel, taskType) = (baseModel, "FEATURE_EXTRACTION")
    }

    /// The same with what is unfrozen now, for the bare encoder. What was saved whole before is among it, module by module.
    func saving(_ unfrozen: UnfrozenTensors) -> PEFTConfiguration {
        var configuration = self
        (configuration.modulesToSave, configuration.biases) = (unfrozen.modules, unfrozen.biases)
        configuration.taskType = "FEATURE_EXTRACTION"
        return configuration
    }

    private static func targets(_ name: String, _ fields: JSONFields) throws(JSONFieldsError) -> Targets? {
        switch fields.value(name) {
        case nil: nil
        case "all-linear" as String: .allLinear
        case Targets.nothingName as String: .nothing
        case let pattern as String: .pattern(pattern)
        case let names as [String] where !names.isEmpty: .names(names.sorted())
        case let value?: throw fields.invalid(name, value, "a list of module names, a pattern, or 'all-linear'")
        }
    }

    private static func layers(_ fields: JSONFields) throws(JSONFieldsError) -> [Int]? {
        switch fields.value("layers_to_transform") {
        case nil: nil
        case let layer as Int: [layer]
        case let layers as [Int]: layers
        case let value?: throw fields.invalid("layers_to_transform", value, "a layer or a list of layers")
        }
    }

    // MARK: What is not supported

    /// Fields that are honoured, or that cannot change what a saved adapter computes: how it was started, how the backward
    /// was run, what it was called.
    private static let harmless: Set<String> = [
        "peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "target_modules", "layers_to_transform",
        "layers_pattern", "rank_pattern", "alpha_pattern", "modules_to_save", "base_model_name_or_path", "task_type",
        "auto_mapping", "bias", "corda_config", "exclude_modules", "enable_lora", "ensure_weight_tying", "eva_config",
        "inference_mode",
        "loftq_config", "lora_ga_config", "megatron_core", "merge_weights", "peft_version", "qalora_group_size",
        "revision",
        "velora_config",
    ]

    /// Fields with the one value that can be honoured, beside missing and null.
    private static let required: [String: [String]] = [
        // The others subtract their start from the base weights, which the folder does not hold.
        "init_lora_weights": ["true", "false", "gaussian", "eva", "orthogonal"]
    ]

    private static func refuseUnsupported(_ fields: JSONFields) throws(AdapterError) {
        for name in fields.names where !harmless.contains(name) {
            guard let value = fields.value(name) else { continue }
            let text = (value as? String) ?? (value as? Bool).map { $0 ? "true" : "false" } ?? "\(value)"
            if let accepted = required[name] {
                guard !accepted.contains(text) else { continue }
                throw .unsupportedField(
                    file: fields.file, field: name, found: text, expected: accepted.joined(separator: ", "))
            }
            let isOff =
                (value as? Bool) == false || (value as? [Any])?.isEmpty ?? false
                || (value as? [String: Any])?.isEmpty ?? false
            guard !isOff else { continue }
            throw .unsupportedField(file: fields.file, field: name, found: text, expected: "none, false or empty")
        }
    }
}

extension PEFTConfiguration {
    /// Whether a tensor belongs to a module that was trained and saved whole: to one whose path ends in a name of
    /// `modules_to_save`, as PEFT looks for them, so that `classifier` also stands for `pre_classifier`.
    func isSaved(module tensor: String) -> Bool {
        let parts = tensor.split(separator: ".")
        return parts.indices.dropLast().contains { index in
            let path = parts[...index].joined(separator: ".")
            return modulesToSave.contains { path.hasSuffix($0) }
        }
    }

    /// The adapters that this means on `encoder`. `prefix` is what the task model, if it was trained on one, puts before
    /// the names of modules; `file` is what errors call the configuration.
    ///
    /// - Throws: ``AdapterError`` for a target or pattern that matches nothing.
    package func adapters(
        for encoder: TransformerEncoder, prefix: String = "", file: String = AdapterBundle.configName
    ) throws(AdapterError) -> AdapterSet {
        let sites = try PEFTTargets(self, file: file, config: encoder.config, prefix: prefix).sites()
        var linear: [Site: LoRA] = [:]
        for (site, (rank, scale)) in sites {
            guard let (inputs, outputs) = encoder.config.extents(of: site.projection) else { continue }
            linear[site] = LoRA(
                name: site.description, inputs: inputs, outputs: outputs, rank: rank, scale: scale,
                dropoutRate: dropoutRate)
        }
        return AdapterSet(linear)
    }

    /// The file's bytes: the keys that every version of PEFT knows, and of the others those that are not at their default
    /// (versions before 0.13 refuse keys that they do not know). Keys are sorted, as PEFT sorts them.
    func encoded() -> Data {
        var fields: [String: Any] = [
            "base_model_name_or_path": baseModel ?? NSNull(), "bias": biases.rawValue, "fan_in_fan_out": false,
            "inference_mode": true, "init_lora_weights": true, "layers_pattern": NSNull(),
            "layers_to_transform": layers ?? NSNull(), "lora_alpha": PEFTConfiguration.plain(alpha),
            "lora_dropout": PEFTConfiguration.plain(dropoutRate),
            "modules_to_save": modulesToSave.isEmpty ? NSNull() : modulesToSave, "peft_type": "LORA", "r": rank,
            "revision": NSNull(), "task_type": taskType ?? NSNull(),
        ]
        fields["target_modules"] = targets.value
        if let excluded { fields["exclude_modules"] = excluded.value }
        if isRankStabilized { fields["use_rslora"] = true }
        if !rankPattern.isEmpty { fields["rank_pattern"] = rankPattern }
        if !alphaPattern.isEmpty { fields["alpha_pattern"] = alphaPattern.mapValues(PEFTConfiguration.plain) }
        return JSONFields.encoded(fields)
    }

    /// A whole number where it is one, else the shortest decimal that reads back as the same float32.
    private static func plain(_ value: Float) -> Any {
        Int(exactly: value).map { $0 as Any } ?? Double("\(value)") ?? Double(value)
    }
}
