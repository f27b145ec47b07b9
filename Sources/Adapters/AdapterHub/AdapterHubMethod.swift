import Encoders
import Files
import Safetensors

/// A method that AdapterHub's library (`adapters` 1.x) defines, and files in its own way: `adapter_config.json` with an object
/// `config`, and `adapter.safetensors`.
///
/// ``AdapterMethod/init(_:)-(JSONFields)`` takes that object, and ``AdapterMethod/fields()`` gives it.
public protocol AdapterHubMethod: AdapterMethod {
    /// The method as the object `config` says it. `isOld`: of a version that called activations otherwise.
    ///
    /// - Throws: ``AdapterError`` for a field that is wrong, or has a value that is not supported.
    init(_ fields: JSONFields, isOld: Bool) throws(AdapterError)

    /// The same, saying where these adapters of it are, and how wide.
    func placed(as adapters: AdapterSet, on config: EncoderConfig) -> Self

    /// The adapters that a folder holds, with their values.
    ///
    /// - Throws: ``AdapterError`` for a tensor that is missing or has another shape.
    func read(
        _ reader: inout AdapterHubReader
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector)

    /// Adds the tensors of the adapters to a file.
    func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: AdapterHubNames,
        into writer: inout SafetensorsWriter)
}

// MARK: What PEFT has not

extension AdapterHubMethod {
    /// None.
    public static var peftType: String { "" }
    /// None: they are all checked where the object `config` is read.
    public static var fieldNames: Set<String> { [] }
    /// None.
    public static var sharedFields: Set<PEFTConfiguration.SharedField> { [] }
    /// None.
    public static var tensorMark: String { "" }

    /// The method as the object `config` says it.
    public init(_ fields: JSONFields) throws(AdapterError) { try self.init(fields, isOld: false) }

    /// PEFT has no such adapters.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        throw .notInPEFT(method: Self.name)
    }

    /// PEFT has no such adapters.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        preconditionFailure("\(Self.name) is filed as AdapterHub's library does")
    }
}
