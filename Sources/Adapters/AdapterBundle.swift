import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// What changes the encoder for one task, with its values: what PEFT's two files hold, `adapter_config.json` and
/// `adapter_model.safetensors`.
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
        var (adapters, own) = adapters.filed(parameters)
        encoder.settle(adapters, in: &own)
        (self.adapters, self.parameters) = (adapters, own)
        self.encoder = encoder
        // A start from texts has given out the ranks anew.
        let places = recipe?.startsFromTexts ?? false ? LowRankPlaces(adapters, encoder.config) : nil
        var configuration = PEFTConfiguration(
            places?.recipe ?? recipe?.settled(on: adapters, for: encoder.config),
            UnfrozenTensors(of: adapters, for: encoder.config), for: encoder.config, baseModel: baseModel)
        places?.complete(&configuration)
        self.configuration = configuration
        fingerprint = encoder.fingerprint
        ignored = []
    }

    /// The same with other values, and with what was unfrozen since: `adapters` are its own, or change them further.
    /// `parameters` may hold more than theirs, as training does. The head of a task model is left out: it is another now.
    package func holding(_ adapters: AdapterSet, _ parameters: ParameterVector) -> AdapterBundle {
        AdapterBundle(self, adapters, parameters)
    }

    private init(_ other: AdapterBundle, _ adapters: AdapterSet, _ parameters: ParameterVector) {
        (encoder, fingerprint, ignored) = (other.encoder, other.encoder.fingerprint, other.ignored)
        var (adapters, own) = adapters.filed(parameters)
        encoder.settle(adapters, in: &own)
        (self.adapters, self.parameters) = (adapters, own)
        var configuration = other.configuration.saving(UnfrozenTensors(of: adapters, for: encoder.config))
        configuration.method = configuration.method.settled(on: adapters, for: encoder.config)
        self.configuration = configuration
    }

    /// Reads a folder that Graft or PEFT wrote, for `encoder`. Every tensor is consumed or named.
    ///
    /// - Throws: ``AdapterError``: an unknown, missing or misshapen tensor, an unsupported field, a target that matches
    ///   nothing, or another base than the one trained on unless `allowingOtherBase`.
    public init(
        contentsOf folder: URL, for encoder: TransformerEncoder, allowingOtherBase: Bool = false
    ) throws(AdapterError) {
        configuration = try PEFTConfiguration(contentsOf: folder)
        let configPath = folder.appending(path: AdapterBundle.configName).path(percentEncoded: false)
        var reader = try AdapterReader(folder.appending(path: AdapterBundle.weightsName), configuration, for: encoder)

        fingerprint = reader.fingerprint
        if let fingerprint, fingerprint != encoder.fingerprint, !allowingOtherBase {
            throw .otherBase(
                folder: folder.path(percentEncoded: false), baseModel: configuration.baseModel,
                found: "\(encoder.fingerprint)", expected: "\(fingerprint)")
        }
        let sites = try configuration.sites(on: encoder, prefix: reader.prefix, file: configPath)
        let (own, ownValues) = try configuration.method.read(&reader, at: sites)
        if let lora = configuration.method as? LoRAMethod { configuration.method = lora.plain }
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
        FileManager.default.fileExists(atPath: folder.appending(path: configName).path(percentEncoded: false))
    }

    /// Whether a folder has adapter weights, with or without the configuration that they need.
    package static func hasWeights(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: weightsName).path(percentEncoded: false))
    }
}

// MARK: Writing

extension AdapterBundle {
    /// The same for transformers' task model whose head this is: the folder then opens on that model, with the head's values.
    package func with(_ head: SavedTaskHead) -> AdapterBundle {
        var bundle = self
        bundle.taskHead = head
        bundle.configuration.taskType = head.taskType
        if let method = configuration.method as? AdaLoRAMethod {
            bundle.configuration.method = method.behind(encoder.config.names.taskPrefix)
        }
        let unfrozen = UnfrozenTensors(of: adapters, for: encoder.config).modules
        bundle.configuration.modulesToSave = (unfrozen + head.modules).sorted()
        return bundle
    }

    /// Writes both files into `folder`, which exists.
    ///
    /// - Throws: ``AdapterError`` if a file cannot be written.
    package func write(into folder: URL) throws(AdapterError) {
        do { try AtomicFile.write(configuration.encoded(), to: folder.appending(path: AdapterBundle.configName)) } catch
        {
            throw .files(error)
        }
        var writer = SafetensorsWriter(metadata: metadata)
        let config = encoder.config
        let names = PEFTNames(config.names, prefix: taskHead == nil ? "" : config.names.taskPrefix)
        configuration.method.write(adapters, parameters, names, into: &writer)
        for (tensor, delta, isUnderAdapter) in UnfrozenTensors(of: adapters, for: config).tensors {
            writer.add(
                names.base(tensor, isUnderAdapter: isUnderAdapter), shape: tensor.shape(for: config),
                floats: encoder.changed(tensor, by: delta, parameters).values)
        }
        for tensor in taskHead?.tensors ?? [] {
            writer.add(PEFTNames.always + tensor.name, shape: tensor.shape, floats: tensor.values.values)
        }
        do { try writer.write(to: folder.appending(path: AdapterBundle.weightsName)) } catch { throw .weights(error) }
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
