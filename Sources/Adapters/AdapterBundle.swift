import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// The adapters of one task with their values: what PEFT's two files hold, `adapter_config.json` and
/// `adapter_model.safetensors`.
public struct AdapterBundle: Sendable {
    /// The adapter of each site.
    public let adapters: AdapterSet
    /// The values of their parameters.
    public let parameters: ParameterVector
    /// What `adapter_config.json` says.
    public let configuration: PEFTConfiguration
    /// The base that the adapters were trained on; nil if PEFT wrote the folder, which does not record it.
    public let fingerprint: BaseFingerprint?
    /// Tensors of the file that take no part in what Graft computes, each with the reason, for people to read.
    public let ignored: [String]
    private let names: CheckpointNames

    package static let configName = "adapter_config.json"
    static let weightsName = "adapter_model.safetensors"
    /// Where the fingerprint stands in the metadata of the weights file.
    static let fingerprintKey = "graft.base_fingerprint"

    /// What a recipe trained on `encoder` came to. `parameters` may hold more than the adapters', as training does.
    public init(
        _ recipe: AdapterRecipe, trained parameters: ParameterVector, _ adapters: AdapterSet,
        on encoder: TransformerEncoder,
        baseModel: String?
    ) {
        self.adapters = adapters
        var own = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters { own[parameter] = parameters[parameter] }
        self.parameters = own
        names = encoder.config.names
        configuration = PEFTConfiguration(recipe, for: encoder.config, baseModel: baseModel)
        fingerprint = encoder.fingerprint
        ignored = []
    }

    /// The same adapters with other values. `parameters` may hold more than theirs, as training does.
    package func holding(_ parameters: ParameterVector) -> AdapterBundle {
        AdapterBundle(self, parameters)
    }

    private init(_ other: AdapterBundle, _ parameters: ParameterVector) {
        var own = ParameterVector(other.adapters.parameters)
        for parameter in other.adapters.parameters { own[parameter] = parameters[parameter] }
        (adapters, self.parameters, configuration) = (other.adapters, own, other.configuration)
        (fingerprint, ignored, names) = (other.fingerprint, other.ignored, other.names)
    }

    /// Whether a folder holds an adapter.
    public static func exists(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: configName).path(percentEncoded: false))
    }

    /// Reads a folder that Graft or PEFT wrote, for `encoder`. Every tensor is consumed or named.
    ///
    /// - Throws: ``AdapterError``: an unknown, missing or misshapen tensor, an unsupported field, a target that matches
    ///   nothing, or another base than the one trained on unless `allowingOtherBase`.
    public init(
        contentsOf folder: URL, for encoder: TransformerEncoder, allowingOtherBase: Bool = false
    ) throws(AdapterError) {
        configuration = try PEFTConfiguration(contentsOf: folder)
        let url = folder.appending(path: AdapterBundle.weightsName)
        let path = url.path(percentEncoded: false)
        names = encoder.config.names
        let file: SafetensorsFile
        do { file = try SafetensorsFile(contentsOf: url) } catch { throw .weights(error) }

        fingerprint = file.metadata[AdapterBundle.fingerprintKey].map { BaseFingerprint($0) }
        if let fingerprint, fingerprint != encoder.fingerprint, !allowingOtherBase {
            throw .otherBase(
                folder: folder.path(percentEncoded: false), baseModel: configuration.baseModel,
                found: "\(encoder.fingerprint)", expected: "\(fingerprint)")
        }

        let prefix = PEFTNames.prefix(of: file.names, names)
        adapters = try configuration.adapters(
            for: encoder, prefix: prefix,
            file: folder.appending(path: AdapterBundle.configName).path(percentEncoded: false))

        let tensorNames = PEFTNames(names, prefix: prefix)
        var values = ParameterVector(adapters.parameters)
        var unread = Set(file.names)
        func read(_ name: String, _ parameter: Parameter) throws(AdapterError) {
            guard unread.remove(name) != nil else {
                throw .missingTensor(file: path, tensor: name, nearest: NearestName.to(name, among: file.names))
            }
            do {
                let tensor = try file.tensor(named: name)
                let shape = [parameter.rows, parameter.columns]
                guard tensor.shape == shape else {
                    throw AdapterError.wrongShape(file: path, tensor: name, found: tensor.shape, expected: shape)
                }
                values[parameter] = Matrix(
                    rows: parameter.rows, columns: parameter.columns, values: try tensor.floats())
            } catch let error as AdapterError { throw error } catch let error as SafetensorsError {
                throw .weights(error)
            } catch { preconditionFailure("reading a tensor throws no other errors") }
        }
        for site in adapters.sites {
            guard let adapter = adapters.linear[site] as? LoRA else { continue }
            try read(tensorNames.a(site), adapter.a)
            try read(tensorNames.b(site), adapter.b)
        }
        parameters = values
        ignored = try AdapterBundle.explain(unread.sorted(), configuration, prefix: prefix, file: path)
    }

    /// The reason why each tensor that is left takes no part, or the error that one has none.
    private static func explain(
        _ tensors: [String], _ configuration: PEFTConfiguration, prefix: String, file: String
    ) throws(AdapterError) -> [String] {
        var reasons: [String] = []
        for tensor in tensors {
            let module = tensor.dropFirst(PEFTNames.always.count)
            if module.hasPrefix(prefix + "pooler.") || module.hasPrefix("pooler.") {
                reasons.append("\(tensor): the pooler is not part of the sentence encoder")
            } else if configuration.isSaved(module: String(module)) {
                reasons.append("\(tensor): the head of a task model, without label names; train a head of Graft's")
            } else {
                throw .unexpectedTensor(file: file, tensor: tensor)
            }
        }
        return reasons
    }

    /// Whether a folder has adapter weights, with or without the configuration that they need.
    package static func hasWeights(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: weightsName).path(percentEncoded: false))
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
        let names = PEFTNames(names, prefix: "")
        for site in adapters.sites {
            guard let adapter = adapters.linear[site] as? LoRA else { continue }
            for (name, parameter) in [(names.a(site), adapter.a), (names.b(site), adapter.b)] {
                let values = parameters[parameter].values
                writer.add(name, shape: [parameter.rows, parameter.columns], floats: values)
            }
        }
        do { try writer.write(to: folder.appending(path: AdapterBundle.weightsName)) } catch { throw .weights(error) }
    }

    private var metadata: [String: String] {
        var metadata = ["format": "pt"]
        metadata[AdapterBundle.fingerprintKey] = fingerprint?.description
        return metadata
    }
}
