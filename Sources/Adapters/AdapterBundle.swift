import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// What changes the encoder for one task, with its values: what PEFT's two files hold, `adapter_config.json` and
/// `adapter_model.safetensors`, or AdapterHub's, as the method is filed.
public struct AdapterBundle: Sendable {
    /// The adapter of each site, and what is unfrozen.
    public let adapters: AdapterSet
    /// The values of their parameters.
    public let parameters: ParameterVector
    /// What `adapter_config.json` says.
    public internal(set) var configuration: PEFTConfiguration
    /// The base that the adapters were trained on; nil if PEFT wrote the folder, which does not record it.
    public let fingerprint: BaseFingerprint?
    /// The head of transformers' task model that the folder is for; nil for one that is for the bare encoder.
    package internal(set) var taskHead: SavedTaskHead?
    /// Tensors of the file that take no part in what Graft computes, each with the reason, for people to read.
    public let ignored: [String]
    /// What each method has of it, where there are several; empty: there is one.
    package let parts: [Part]
    let encoder: TransformerEncoder

    package static let configName = "adapter_config.json"
    package static let weightsName = "adapter_model.safetensors"
    /// Where the fingerprint stands in the metadata of the weights file.
    static let fingerprintKey = "graft.base_fingerprint"

    /// What training `adapters` on `encoder` came to. `recipe` is that of the adapters proper, nil if there are none beside what
    /// is unfrozen. `parameters` may hold more than the adapters', as training does.
    ///
    /// The changes of unfrozen tensors are rounded to what the new numbers tell of them in float32, so that these here compute
    /// what those that are read from the folder will.
    public init(
        _ recipe: AdapterRecipe?, trained parameters: ParameterVector, _ adapters: AdapterSet,
        on encoder: TransformerEncoder, baseModel: String?
    ) {
        guard let recipe, !adapters.parts.isEmpty else {
            // Parts may name the one method, and not the whole.
            self.init(
                ofOneMethod: recipe?.byMethod[0], trained: parameters, adapters, on: encoder, baseModel: baseModel)
            return
        }
        self.init(
            AdapterBundle.parts(of: recipe, trained: parameters, adapters, on: encoder, baseModel: baseModel),
            on: encoder)
    }

    private init(
        ofOneMethod recipe: AdapterRecipe?, trained parameters: ParameterVector, _ adapters: AdapterSet,
        on encoder: TransformerEncoder, baseModel: String?
    ) {
        var (adapters, own) = adapters.filed(parameters)
        encoder.settle(adapters, in: &own)
        (self.adapters, self.parameters) = (adapters, own)
        self.encoder = encoder
        // With the ranks that a start from texts has given out.
        var configuration = PEFTConfiguration(
            recipe.map { $0.settled(on: adapters, for: encoder.config) }, adapters,
            UnfrozenTensors(of: adapters, for: encoder.config, beside: recipe?.method), for: encoder.config,
            baseModel: baseModel)
        if let method = configuration.method as? any AdapterHubMethod {
            configuration.method = method.placed(as: adapters, on: encoder.config)
            configuration.adapterName = AdapterHubFiles.name(of: adapters) ?? AdapterHubFiles.usualName
        }
        self.configuration = configuration
        fingerprint = encoder.fingerprint
        (ignored, parts) = ([], [])
    }

    /// Adapters of several methods in one, for one encoder.
    ///
    /// - Precondition: no place is in two of them.
    init(_ parts: [Part], on encoder: TransformerEncoder) {
        adapters = AdapterSet.union(
            of: parts.map { .init(name: $0.name, $0.bundle.adapters) }, on: encoder.config)
        var values = ParameterVector(adapters.parameters)
        for bundle in parts.map(\.bundle) {
            for parameter in bundle.adapters.parameters { values[parameter] = bundle.parameters[parameter] }
        }
        parameters = values
        configuration = PEFTConfiguration(of: parts.map(\.bundle.configuration))
        fingerprint = parts.compactMap(\.bundle.fingerprint).first
        ignored = parts.flatMap { part in part.bundle.ignored.map { "\(part.name): \($0)" } }
        (self.parts, self.encoder) = (parts, encoder)
    }

    /// The same with other values, and with what was unfrozen since: `adapters` are its own, or change them further.
    /// `parameters` may hold more than theirs, as training does. The head of a task model is left out: it is another now.
    package func holding(_ adapters: AdapterSet, _ parameters: ParameterVector) -> AdapterBundle {
        guard parts.isEmpty else {
            let sets = adapters.split(of: encoder.config)
            precondition(sets.count == parts.count, "these are the adapters of the bundle's parts")
            let changed = zip(parts, sets).map { part, own in (part.name, part.bundle.holding(own, parameters)) }
            return AdapterBundle(changed, on: encoder)
        }
        return AdapterBundle(self, adapters, parameters)
    }

    private init(_ other: AdapterBundle, _ adapters: AdapterSet, _ parameters: ParameterVector) {
        (encoder, fingerprint, ignored, parts) = (other.encoder, other.encoder.fingerprint, other.ignored, [])
        var (adapters, own) = adapters.filed(parameters)
        encoder.settle(adapters, in: &own)
        (self.adapters, self.parameters) = (adapters, own)
        var configuration = other.configuration.saving(
            UnfrozenTensors(of: adapters, for: encoder.config, beside: other.configuration.method))
        configuration.method = configuration.method.settled(on: adapters, for: encoder.config)
        self.configuration = configuration
    }

    /// Some of the adapters of another, for an encoder that the others were merged into.
    init(_ other: AdapterBundle, _ adapters: AdapterSet, on encoder: TransformerEncoder) {
        (self.adapters, self.encoder) = (adapters, encoder)
        (fingerprint, ignored, parts) = (encoder.fingerprint, other.ignored, [])
        var own = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters { own[parameter] = other.parameters[parameter] }
        parameters = own
        configuration = other.configuration.saving(
            UnfrozenTensors(of: adapters, for: encoder.config, beside: other.configuration.method))
        configuration.nameTargets(of: adapters, for: encoder.config)
        configuration.method = configuration.method.keeping(adapters.sites, for: encoder.config)
    }

    /// Reads a folder that Graft, PEFT or AdapterHub's library wrote, for `encoder`. Every tensor is consumed or named.
    ///
    /// - Throws: ``AdapterError``: an unknown, missing or misshapen tensor, an unsupported field, a target that matches
    ///   nothing, or another base than the one trained on unless `allowingOtherBase`.
    public init(
        contentsOf folder: URL, for encoder: TransformerEncoder, allowingOtherBase: Bool = false
    ) throws(AdapterError) {
        guard PartsFolder.exists(in: folder) else {
            try self.init(ofOneMethodIn: folder, for: encoder, allowingOtherBase: allowingOtherBase)
            return
        }
        self.init(
            try AdapterBundle.parts(of: folder, for: encoder, allowingOtherBase: allowingOtherBase), on: encoder)
    }

    private init(
        ofOneMethodIn folder: URL, for encoder: TransformerEncoder, allowingOtherBase: Bool
    ) throws(AdapterError) {
        parts = []
        configuration = try PEFTConfiguration(contentsOf: folder)
        if configuration.isOfAdapterHub {
            (adapters, parameters, fingerprint) = try AdapterHubFiles.read(
                folder, configuration, for: encoder, allowingOtherBase: allowingOtherBase)
            (taskHead, ignored, self.encoder) = (nil, [], encoder)
            configuration.nameTargets(of: adapters, for: encoder.config)
            if var lora = configuration.method as? LoRAMethod, !adapters.deltas.isEmpty {
                lora.trainsBaseBiases = true
                configuration.method = lora
                configuration = configuration.saving(UnfrozenTensors(of: adapters, for: encoder.config, beside: lora))
            }
            return
        }
        let configPath = folder.appending(path: AdapterBundle.configName).path(percentEncoded: false)
        var reader = try AdapterReader(folder.appending(path: AdapterBundle.weightsName), configuration, for: encoder)

        fingerprint = reader.fingerprint
        if let fingerprint, fingerprint != encoder.fingerprint, !allowingOtherBase {
            throw .otherBase(
                folder: folder.path(percentEncoded: false), baseModel: configuration.baseModel,
                found: "\(encoder.fingerprint)", expected: "\(fingerprint)")
        }
        let modules = try configuration.modules(on: encoder, prefix: reader.prefix, file: configPath)
        let embeddings = modules.filter { $0.site == nil }
        if !embeddings.isEmpty {
            configuration.method = try configuration.method.adapting(embeddings, of: encoder.config)
        }
        let sites = modules.compactMap(\.site)
        let (own, ownValues) = try configuration.method.read(&reader, at: sites)
        if let lora = configuration.method as? LoRAMethod, lora.initialization.isOffset {
            configuration.method = lora.plain.settled(on: own, for: encoder.config)
        }
        let changes = try reader.readChanges()
        adapters = own.changing(Set(changes.keys), of: encoder.config)
        var values = ParameterVector(adapters.parameters)
        for parameter in own.parameters { values[parameter] = ownValues[parameter] }
        for (tensor, delta) in adapters.deltas {
            if let change = changes[tensor] { values[delta] = change }
        }
        parameters = values
        taskHead = try reader.readTaskHead()
        ignored = try reader.explainRest()
        self.encoder = encoder
    }

    /// Whether a folder holds an adapter.
    public static func exists(in folder: URL) -> Bool {
        PartsFolder.exists(in: folder)
            || FileManager.default.fileExists(
                atPath: folder.appending(path: AdapterHubFiles.configName(in: folder)).path(percentEncoded: false))
    }

    /// Files that tell an adapter's folder from a model's.
    package static let markers = [configName, PartsFolder.listName, FusionMethod.configName]

    /// What the file of an adapter folder's weights is called: PEFT's, or AdapterHub's.
    public static func weightsName(in folder: URL) -> String {
        let names = [AdapterHubFiles.weightsName, FusionMethod.weightsName]
        let found = names.first {
            FileManager.default.fileExists(atPath: folder.appending(path: $0).path(percentEncoded: false))
        }
        return found ?? weightsName
    }

    /// Whether a folder has adapter weights, with or without the configuration that they need.
    package static func hasWeights(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: weightsName).path(percentEncoded: false))
    }
}

// MARK: Writing

extension AdapterBundle {
    /// The same for transformers' task model whose head this is: the folder then opens on that model, with the head's values.
    ///
    /// Behind virtual tokens, a head that reads the first state would read another in PEFT: then the folder stays one for the bare
    /// encoder.
    package func with(_ head: SavedTaskHead) -> AdapterBundle {
        // AdapterHub's library keeps heads apart from adapters; and of several parts none is the task model's.
        guard !(configuration.method is any AdapterHubMethod), parts.isEmpty else { return self }
        if adapters.prompt != nil, head.taskType == "SEQ_CLS" { return self }
        var bundle = self
        bundle.taskHead = head
        bundle.configuration.taskType = head.taskType
        if let method = configuration.method as? AdaLoRAMethod {
            bundle.configuration.method = method.behind(encoder.config.names.taskPrefix)
        }
        let unfrozen = UnfrozenTensors(of: adapters, for: encoder.config, beside: configuration.method).modules
        bundle.configuration.modulesToSave = (unfrozen + head.modules).sorted()
        return bundle
    }

    /// Writes both files into `folder`, which exists.
    ///
    /// - Throws: ``AdapterError`` if a file cannot be written.
    package func write(into folder: URL) throws(AdapterError) {
        guard parts.isEmpty else { return try PartsFolder.write(parts, into: folder) }
        if let method = configuration.method as? any AdapterHubMethod {
            return try AdapterHubFiles.write(self, method, encoder.config, metadata, into: folder)
        }
        do {
            try AtomicFile.write(
                configuration.encoded(adapters, on: encoder.config),
                to: folder.appending(path: AdapterBundle.configName))
        } catch {
            throw .files(error)
        }
        var writer = SafetensorsWriter(metadata: metadata)
        let config = encoder.config
        configuration.method.write(adapters, parameters, names, on: encoder, into: &writer)
        let unfrozen = UnfrozenTensors(of: adapters, for: config, beside: configuration.method)
        for (tensor, delta, isUnderAdapter) in unfrozen.tensors {
            writer.add(
                names.base(tensor, isUnderAdapter: isUnderAdapter), shape: tensor.shape(for: config),
                floats: encoder.changed(tensor, by: delta, parameters).values)
        }
        let beforeHead = PEFTNames.beforeHead(of: configuration.method)
        for tensor in taskHead?.tensors ?? [] {
            writer.add(beforeHead + tensor.name, shape: tensor.shape, floats: tensor.values.values)
        }
        do { try writer.write(to: folder.appending(path: AdapterBundle.weightsName)) } catch { throw .weights(error) }
    }

    /// Writes PEFT's two files into `folder`, which exists.
    ///
    /// - Throws: ``AdapterError`` if a file cannot be written, and for a method that PEFT does not have.
    package func writeForPEFT(into folder: URL) throws(AdapterError) {
        try requireOneMethod(for: "PEFT")
        guard !(configuration.method is any AdapterHubMethod) else {
            throw .notConvertible("PEFT", reason: "it has no method '\(type(of: configuration.method).name)'")
        }
        try write(into: folder)
    }

    /// Writes the files of AdapterHub's library into `folder`, which exists: its own methods, and LoRA, DoRA and (IA)³ as it has
    /// these.
    ///
    /// - Throws: ``AdapterError`` if a file cannot be written, and for what the library does not have.
    package func writeForAdapterHub(into folder: URL) throws(AdapterError) {
        try requireOneMethod(for: "AdapterHub")
        guard !(configuration.method is any AdapterHubMethod) else { return try write(into: folder) }
        try AdapterHubFiles.writeLoRA(self, on: encoder, metadata, into: folder)
    }

    /// What its tensors are called in a file.
    package var names: PEFTNames {
        PEFTNames(encoder.config.names, prefix: taskHead == nil ? "" : encoder.config.names.taskPrefix)
    }

    private var metadata: [String: String] {
        var metadata = ["format": "pt"]
        metadata[AdapterBundle.fingerprintKey] = fingerprint?.description
        return metadata
    }
}

extension LinearAdapter {
    /// The adapter itself, or that under what is unfrozen of its map; nil where there is none.
    package var proper: (any LinearAdapter)? {
        if let delta = self as? WeightDelta { return delta.inner?.proper }
        if let delta = self as? BiasDelta { return delta.inner?.proper }
        return self
    }
}
