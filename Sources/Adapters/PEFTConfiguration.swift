import Encoders
import Files
import Foundation

/// `adapter_config.json` as PEFT writes and reads it.
///
/// Every field of PEFT 0.21 is known here or to the method: it is honoured, or it cannot change the result, or a value that
/// would is refused by name.
public struct PEFTConfiguration: Sendable, Equatable {
    /// `peft_type`, and the fields that are the method's own.
    public var method: any AdapterMethod
    /// `target_modules`
    public var targets: Targets
    /// `exclude_modules`: modules that are not adapted though they are targets; nil: none.
    public var excluded: Targets?
    /// `layers_to_transform`; nil: all.
    public var layers: [Int]?
    /// `layers_pattern`: names of the lists whose numbers the layers are; empty: any list.
    public var layersPattern: [String] = []
    /// `modules_to_save`: modules that were trained and saved whole, of the encoder or of a task model's head.
    public var modulesToSave: [String]
    /// `bias`: which biases of the base were trained and saved whole.
    public var biases: Biases
    /// `base_model_name_or_path`
    public var baseModel: String?
    /// `task_type`
    public var taskType: String?
    /// What the adapter is called in files of AdapterHub's library, which have a name for it; nil: not said.
    public var adapterName: String?
    /// What each part of a folder in parts says, where there are several methods; empty: there is one.
    public internal(set) var parts: [PEFTConfiguration] = []
    /// Whether it was read from a file of that library.
    var isOfAdapterHub: Bool
    /// The library whose files it was read from, where that is not PEFT.
    public var library: String? { isOfAdapterHub ? "adapters" : nil }

    /// Fields that are not of one method alone, and that not every method has.
    public enum SharedField: String, Sendable, CaseIterable {
        case targets = "target_modules"
        case excluded = "exclude_modules"
        case layers = "layers_to_transform"
        case biases = "bias"
    }

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
    /// Of a folder in parts, what each of them says.
    ///
    /// - Throws: ``AdapterError`` naming the field that is wrong or unsupported.
    public init(contentsOf folder: URL) throws(AdapterError) {
        guard PartsFolder.exists(in: folder) else {
            try self.init(ofOneMethodIn: folder)
            return
        }
        var parts: [PEFTConfiguration] = []
        for part in try PartsFolder.parts(of: folder) { parts.append(try PEFTConfiguration(contentsOf: part)) }
        self.init(of: parts)
    }

    private init(ofOneMethodIn folder: URL) throws(AdapterError) {
        let fields: JSONFields
        let found: any AdapterMethod.Type
        do { fields = try JSONFields(contentsOf: folder.appending(path: AdapterHubFiles.configName(in: folder))) } catch
        {
            throw .configuration(error)
        }
        if AdapterHubFiles.wrote(fields) {
            if let lora = try AdapterHubFiles.lora(fields) {
                method = lora.method
                targets = .names(lora.projections.map(\.rawValue))
            } else {
                (method, targets) = (try AdapterHubFiles.method(fields), .nothing)
            }
            (excluded, layers, modulesToSave, biases, isOfAdapterHub) = (nil, nil, [], .none, true)
            taskType = "FEATURE_EXTRACTION"
            do {
                baseModel = try fields.text("model_name")
                adapterName = try fields.text("name")
            } catch { throw .configuration(error) }
            return
        }
        (adapterName, isOfAdapterHub) = (nil, false)
        do {
            found = try fields.choice(
                "peft_type", of: AdapterMethods.all.filter { !$0.peftType.isEmpty }.map { ($0.peftType, $0) })
            let shared = found.sharedFields
            targets =
                shared.contains(.targets)
                ? try fields.required("target_modules", PEFTConfiguration.targets("target_modules", fields)) : .nothing
            excluded = try PEFTConfiguration.targets("exclude_modules", fields)
            layers = try PEFTConfiguration.layers(fields)
            layersPattern = try fields.names("layers_pattern")
            modulesToSave = try fields.names("modules_to_save")
            biases = try fields.choice(
                "bias", default: Biases.none.rawValue, of: Biases.allCases.map { ($0.rawValue, $0) })
            baseModel = try fields.text("base_model_name_or_path")
            taskType = try fields.text("task_type")
        } catch { throw .configuration(error) }
        method = try found.init(fields)
        try PEFTConfiguration.refuseUnsupported(fields, found)
    }

    /// What several methods have of one adapter.
    init(of parts: [PEFTConfiguration]) {
        method = SeveralMethods(parts.map(\.method))
        (targets, excluded, layers) = (.nothing, nil, nil)
        (modulesToSave, biases) = (parts.flatMap(\.modulesToSave).sorted(), .none)
        (baseModel, taskType) = (parts.compactMap(\.baseModel).first, "FEATURE_EXTRACTION")
        (adapterName, isOfAdapterHub, self.parts) = (nil, false, parts)
    }

    /// The configuration of a recipe, nil if there is none, and of what is unfrozen besides.
    init(
        _ recipe: AdapterRecipe?, _ adapters: AdapterSet, _ unfrozen: UnfrozenTensors, for config: EncoderConfig,
        baseModel: String?
    ) {
        let asked = recipe?.method ?? LoRAMethod(alpha: 8)
        method = asked.filed
        (targets, excluded, layers) = (.nothing, nil, nil)
        modulesToSave = unfrozen.modules
        biases = unfrozen.biases
        (self.baseModel, taskType) = (baseModel, "FEATURE_EXTRACTION")
        (adapterName, isOfAdapterHub) = (nil, false)
        nameTargets(of: adapters, for: config)
    }

    /// The same with what is unfrozen now, for the bare encoder. What was saved whole before is among it, module by module.
    func saving(_ unfrozen: UnfrozenTensors) -> PEFTConfiguration {
        var configuration = self
        (configuration.modulesToSave, configuration.biases) = (unfrozen.modules, unfrozen.biases)
        configuration.taskType = "FEATURE_EXTRACTION"
        return configuration
    }

    /// Says where these adapters are, as PEFT says it: there and nowhere else.
    mutating func nameTargets(of adapters: AdapterSet, for config: EncoderConfig) {
        let shared = type(of: method).sharedFields
        let modules = adapters.adaptedModules
        (targets, excluded, layers, layersPattern) = (.nothing, nil, nil, [])
        guard shared.contains(.targets), !modules.isEmpty else { return }
        let said = PEFTTargets.names(of: modules, for: config, hasLayers: shared.contains(.layers))
        (targets, layers) = (.names(said.names), said.layers)
        if layers != nil { layersPattern = PEFTTargets.layersPattern(for: config) }
    }

    static func targets(_ name: String, _ fields: JSONFields) throws(JSONFieldsError) -> Targets? {
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

    /// Fields of all methods that are honoured, or that cannot change what a saved adapter computes: how it was started, how the
    /// backward was run, what it was called.
    private static let known: Set<String> = [
        "peft_type", "target_modules", "layers_to_transform", "layers_pattern", "modules_to_save",
        "base_model_name_or_path", "task_type", "auto_mapping", "bias", "exclude_modules", "inference_mode",
        "peft_version", "revision",
    ]

    private static func refuseUnsupported(
        _ fields: JSONFields, _ method: any AdapterMethod.Type
    ) throws(AdapterError) {
        for name in fields.names where !known.contains(name) && !method.fieldNames.contains(name) {
            guard let value = fields.value(name) else { continue }
            let isOff =
                (value as? Bool) == false || (value as? [Any])?.isEmpty ?? false
                || (value as? [String: Any])?.isEmpty ?? false
            guard !isOff else { continue }
            let text = (value as? String) ?? (value as? Bool).map { $0 ? "true" : "false" } ?? "\(value)"
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

    /// The modules that this means on `encoder`. `prefix` is what the task model, if it was trained on one, puts before the
    /// names of modules; `file` is what errors call the configuration.
    ///
    /// - Throws: ``AdapterError`` for a target that matches nothing.
    package func modules(
        on encoder: TransformerEncoder, prefix: String = "", file: String = AdapterBundle.configName
    ) throws(AdapterError) -> [AdaptedModule] {
        guard type(of: method).sharedFields.contains(.targets) else { return [] }
        return try PEFTTargets(self, file: file, config: encoder.config, prefix: prefix).modules()
    }

    /// How many modules each of its targets, layers, exclusions and patterns matches on `encoder`.
    ///
    /// - Throws: ``AdapterError`` as ``modules(on:prefix:file:)``.
    package func matches(on encoder: TransformerEncoder) throws(AdapterError) -> [TargetMatch] {
        guard parts.isEmpty else {
            var matches: [TargetMatch] = []
            for (index, part) in parts.enumerated() {
                matches += try part.matches(on: encoder).map { match in
                    TargetMatch(field: "parts[\(index)].\(match.field)", entry: match.entry, modules: match.modules)
                }
            }
            return matches
        }
        guard type(of: method).sharedFields.contains(.targets) else { return [] }
        return try PEFTTargets(self, file: AdapterBundle.configName, config: encoder.config, prefix: "").matches()
    }

    /// Those of them that are linear maps of layers.
    package func sites(
        on encoder: TransformerEncoder, prefix: String = "", file: String = AdapterBundle.configName
    ) throws(AdapterError) -> [Site] {
        try modules(on: encoder, prefix: prefix, file: file).compactMap(\.site)
    }

    /// The file's bytes, for these adapters. Keys are sorted, as PEFT sorts them.
    func encoded(_ adapters: AdapterSet, on config: EncoderConfig) -> Data {
        let method = type(of: method)
        var fields = self.method.fields(of: adapters, targets, on: config)
        fields["peft_type"] = method.peftType
        fields["base_model_name_or_path"] = baseModel ?? NSNull()
        fields["inference_mode"] = true
        fields["revision"] = NSNull()
        fields["task_type"] = taskType ?? NSNull()
        fields["modules_to_save"] = modulesToSave.isEmpty ? NSNull() : modulesToSave
        if method.sharedFields.contains(.targets) { fields["target_modules"] = targets.value }
        if method.sharedFields.contains(.excluded), let excluded { fields["exclude_modules"] = excluded.value }
        if method.sharedFields.contains(.biases) { fields["bias"] = biases.rawValue }
        if method.sharedFields.contains(.layers) {
            fields["layers_pattern"] = layersPattern.isEmpty ? NSNull() : layersPattern
            fields["layers_to_transform"] = layers ?? NSNull()
        }
        return JSONFields.encoded(fields)
    }

    /// Equal in method and in all fields.
    public static func == (left: PEFTConfiguration, right: PEFTConfiguration) -> Bool {
        left.method.isEqual(to: right.method) && left.targets == right.targets && left.excluded == right.excluded
            && left.layers == right.layers && left.layersPattern == right.layersPattern
            && left.modulesToSave == right.modulesToSave
            && left.biases == right.biases && left.baseModel == right.baseModel && left.taskType == right.taskType
            && left.adapterName == right.adapterName && left.parts == right.parts
    }

    /// A whole number where it is one, else the shortest decimal that reads back as the same float32.
    package static func plain(_ value: Float) -> Any {
        Int(exactly: value).map { $0 as Any } ?? Double("\(value)") ?? Double(value)
    }
}
