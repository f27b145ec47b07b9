import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// The files of an adapter as AdapterHub's library has them: `adapter_config.json` and `adapter.safetensors`, and where adapters
/// are fused `adapter_fusion_config.json` and `model_adapter_fusion.safetensors`, with a folder for each of those adapters.
enum AdapterHubFiles {
    /// The weights.
    static let weightsName = "adapter.safetensors"
    /// The weights where the library was not asked for safetensors.
    static let pickledName = "pytorch_adapter.bin"
    /// The library's version whose format this is. Without one it takes activations for those of years ago.
    static let version = "adapters.1.3.0"
    /// What an adapter is called that has no name yet.
    static let usualName = "graft"

    /// What a fusion is called: by its adapters; nil for what is none.
    static func name(of adapters: AdapterSet) -> String? {
        (adapters.blocks.values.first as? AdapterFusion)?.parts.map(\.name).joined(separator: ",")
    }

    // MARK: What a folder holds

    /// Whether `adapter_config.json` is the library's and not PEFT's.
    static func wrote(_ fields: JSONFields) -> Bool {
        fields.value("peft_type") == nil && fields.value("config") != nil
    }

    /// The name of the file that says what a folder holds: that of an adapter, or of a fusion.
    static func configName(in folder: URL) -> String {
        let fusion = folder.appending(path: FusionMethod.configName).path(percentEncoded: false)
        return FileManager.default.fileExists(atPath: fusion) ? FusionMethod.configName : AdapterBundle.configName
    }

    /// LoRA, DoRA or (IA)³ as a file tells of it; nil where it tells of another method.
    static func lora(_ fields: JSONFields) throws(AdapterError) -> AdapterHubLoRA? {
        do throws(JSONFieldsError) {
            guard let own = try fields.object("config"), try own.text("architecture") == "lora" else { return nil }
            return try AdapterHubLoRA(own)
        } catch { throw .configuration(error) }
    }

    /// The method that a file tells of, where it is one of the library's own.
    static func method(_ fields: JSONFields) throws(AdapterError) -> any AdapterHubMethod {
        let (own, architecture, names): (JSONFields, String?, [String])
        do throws(JSONFieldsError) {
            guard let found = try fields.object("config") else {
                throw .missingField(file: fields.file, field: "config")
            }
            (own, architecture, names) = (found, try found.text("architecture"), try fields.names("adapter_names"))
        } catch { throw .configuration(error) }
        guard names.isEmpty else {
            var fusion = try FusionMethod(own)
            fusion.adapters = names
            return fusion
        }
        do throws(JSONFieldsError) {
            switch architecture {
            case nil: return try BottleneckMethods.read(own, isOld: fields.value("version") == nil)
            case "reft": return try ReftMethods.read(own)
            case let other?: throw own.invalid("architecture", other, "null (a bottleneck), reft or lora")
            }
        } catch { throw .configuration(error) }
    }

    /// The adapters of a folder, their values, and the base that they were trained on where the folder says so.
    static func read(
        _ folder: URL, _ configuration: PEFTConfiguration, for encoder: TransformerEncoder, allowingOtherBase: Bool
    ) throws(AdapterError) -> (AdapterSet, ParameterVector, BaseFingerprint?) {
        let (fields, name): (JSONFields, String)
        do throws(JSONFieldsError) {
            fields = try JSONFields(contentsOf: folder.appending(path: configName(in: folder)))
            name = try fields.required("name", fields.text("name"))
            try fields.checkNames([
                "config", "config_id", "hidden_size", "model_class", "model_name", "model_type", "name", "type",
                "version", "adapter_names",
            ])
            let config = encoder.config
            let family = try fields.text("model_type") ?? config.family.modelType
            try fields.check(
                "model_type", family, "\(config.family.modelType), this model's", family == config.family.modelType)
            let width = try fields.positive("hidden_size", default: config.hiddenSize)
            try fields.check("hidden_size", width, "\(config.hiddenSize), this model's", width == config.hiddenSize)
        } catch { throw .configuration(error) }
        let isFusion = configuration.method is FusionMethod
        var reader = try AdapterHubReader(
            folder, weights: isFusion ? FusionMethod.weightsName : weightsName,
            pickled: isFusion ? FusionMethod.pickledName : pickledName, adapter: name, for: encoder)
        reader.allowsOtherBase = allowingOtherBase
        if let fingerprint = reader.fingerprint, fingerprint != encoder.fingerprint, !allowingOtherBase {
            throw .otherBase(
                folder: folder.path(percentEncoded: false), baseModel: configuration.baseModel,
                found: "\(encoder.fingerprint)", expected: "\(fingerprint)")
        }
        let (adapters, parameters) =
            if let method = configuration.method as? any AdapterHubMethod {
                try method.read(&reader)
            } else if let lora = try lora(fields) {
                try lora.read(&reader)
            } else {
                preconditionFailure("a configuration of the library's has one of its methods")
            }
        try reader.checkRest()
        return (adapters, parameters, reader.fingerprint)
    }

    // MARK: Writing

    /// Writes the files of a bundle into `folder`, which exists.
    static func write(
        _ bundle: AdapterBundle, _ method: any AdapterHubMethod, _ config: EncoderConfig, _ metadata: [String: String],
        into folder: URL
    ) throws(AdapterError) {
        guard bundle.adapters.deltas.isEmpty else { throw .notInAdapterHub(method: type(of: method).name) }
        try write(bundle, method.fields(), config, metadata, into: folder) { names, writer in
            method.write(bundle.adapters, bundle.parameters, names, into: &writer)
        }
    }

    /// Writes LoRA, DoRA or (IA)³, which Graft keeps as PEFT does, as the library has it.
    ///
    /// - Throws: ``AdapterError/notConvertible(_:reason:)`` for what the library does not have.
    static func writeLoRA(
        _ bundle: AdapterBundle, on encoder: TransformerEncoder, _ metadata: [String: String], into folder: URL
    ) throws(AdapterError) {
        let lora = try AdapterHubLoRA(bundle.adapters, bundle.parameters, on: encoder)
        try write(bundle, lora.fields, encoder.config, metadata, into: folder) { names, writer in
            lora.write(bundle.adapters, bundle.parameters, names, into: &writer)
        }
    }

    private static func write(
        _ bundle: AdapterBundle, _ own: [String: Any], _ config: EncoderConfig, _ metadata: [String: String],
        into folder: URL, tensors: (AdapterHubNames, inout SafetensorsWriter) -> Void
    ) throws(AdapterError) {
        let parts = (bundle.adapters.blocks.values.first as? AdapterFusion)?.parts ?? []
        let isFusion = !parts.isEmpty
        let name = name(of: bundle.adapters) ?? bundle.configuration.adapterName ?? usualName
        var fields: [String: Any] = [
            "config": own, "hidden_size": config.hiddenSize, "model_class": "AutoAdapterModel",
            "model_name": bundle.configuration.baseModel ?? null, "model_type": config.family.modelType, "name": name,
            "version": version,
        ]
        if isFusion { fields["adapter_names"] = parts.map(\.name) }
        let configName = isFusion ? FusionMethod.configName : AdapterBundle.configName
        do { try AtomicFile.write(encoded(fields), to: folder.appending(path: configName)) } catch {
            throw .files(error)
        }
        for part in parts {
            let own = folder.appending(path: part.name)
            do {
                try FilesError.catching("create", own.path(percentEncoded: false)) {
                    try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
                }
            } catch { throw .files(error) }
            try part.bundle.write(into: own)
        }
        var writer = SafetensorsWriter(metadata: metadata)
        let names = AdapterHubNames(config, prefix: config.names.taskPrefix, adapter: name)
        tensors(names, &writer)
        let weights = folder.appending(path: isFusion ? FusionMethod.weightsName : weightsName)
        do { try writer.write(to: weights) } catch { throw .weights(error) }
    }

    private static func encoded(_ fields: [String: Any]) -> Data {
        let text = String(decoding: JSONFields.encoded(fields), as: UTF8.self)
        return Data(text.replacing(#/"[#]([-+0-9.e]+)"/#) { $0.output.1 }.utf8)
    }

    static var null: Any { NSNull() }

    /// A whole number where it is one.
    static func plain(_ value: Double) -> Any { Int(exactly: value).map { $0 as Any } ?? value }

    /// A number that is written with a point, whole or not: Python takes 4 for another kind of number than 4.0.
    static func decimal(_ value: Float) -> Any { "#\(value)" }
}
