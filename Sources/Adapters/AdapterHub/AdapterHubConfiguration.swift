import Encoders
import Files
import Foundation

/// `adapter_config.json` as AdapterHub's library (`adapters` 1.x) writes and reads it.
public struct AdapterHubConfiguration: Sendable, Equatable {
    /// The method with its settings.
    public var method: Method
    /// What the adapter is called, in the names of its tensors too.
    public var name: String
    /// The model it was trained on; nil: not said.
    public var modelName: String?

    /// What the library's folders can hold for an encoder.
    public enum Method: Sendable, Equatable {
        case bottleneck(BottleneckSettings)
        case reft(ReftSettings)
    }

    /// A configuration of these parts.
    public init(_ method: Method, name: String = "graft", modelName: String? = nil) {
        (self.method, self.name, self.modelName) = (method, name, modelName)
    }

    /// Whether a folder's `adapter_config.json` is that of AdapterHub's library and not of PEFT.
    package static func exists(in folder: URL) -> Bool {
        guard let fields = try? JSONFields(contentsOf: folder.appending(path: AdapterBundle.configName)) else {
            return false
        }
        return fields.value("peft_type") == nil && fields.value("config") != nil
    }

    /// Reads the file of a folder, for an encoder of this family and width.
    ///
    /// - Throws: ``AdapterError`` naming the field that is wrong or unsupported.
    public init(contentsOf folder: URL, for config: EncoderConfig) throws(AdapterError) {
        do throws(JSONFieldsError) {
            let fields = try JSONFields(contentsOf: folder.appending(path: AdapterBundle.configName))
            guard let own = try fields.object("config") else {
                throw .missingField(file: fields.file, field: "config")
            }
            name = try fields.required("name", fields.text("name"))
            modelName = try fields.text("model_name")
            let family = try fields.text("model_type") ?? config.family.modelType
            try fields.check("model_type", family, config.family.modelType, family == config.family.modelType)
            let width = try fields.positive("hidden_size", default: config.hiddenSize)
            try fields.check("hidden_size", width, "\(config.hiddenSize), this model's", width == config.hiddenSize)
            switch try own.text("architecture") {
            case nil: method = .bottleneck(try BottleneckSettings(own, isOld: fields.value("version") == nil))
            case "reft": method = .reft(try ReftSettings(own))
            case let other?:
                throw own.invalid("architecture", other, "null (a bottleneck) or reft")
            }
        } catch { throw .configuration(error) }
    }

    /// The file's bytes, keys sorted.
    func encoded(for config: EncoderConfig) -> Data {
        let own =
            switch method {
            case .bottleneck(let settings): settings.fields
            case .reft(let settings): settings.fields
            }
        return JSONFields.encoded([
            "config": own, "hidden_size": config.hiddenSize, "model_class": "AutoAdapterModel",
            "model_name": modelName ?? AdapterHubConfiguration.null, "model_type": config.family.modelType,
            "name": name, "version": AdapterHubConfiguration.version,
        ])
    }

    /// The library's version whose format this is. Without one it takes activations for those of years ago.
    static let version = "adapters.1.3.0"

    static let null: Any = NSNull()

    /// A whole number where it is one.
    static func plain(_ value: Double) -> Any { Int(exactly: value).map { $0 as Any } ?? value }

    /// The shortest decimal that reads back as the same float32; of a whole number with a point, which Python tells apart.
    static func decimal(_ value: Float) -> Any { NSDecimalNumber(string: "\(value)") }
}
