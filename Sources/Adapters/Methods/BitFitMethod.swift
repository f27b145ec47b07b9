import Encoders
import Files
import Safetensors

/// BitFit (Ben Zaken et al. 2021): every bias trains, of linear maps and of norms, and nothing else.
///
/// PEFT has no type for it, but its LoRA files biases that train beside it (`bias: all`): a folder of BitFit is one of a LoRA that
/// has no targets, and is read as that.
public struct BitFitMethod: AdapterMethod {
    /// "bitfit"
    public static let name = "bitfit"
    /// As that of the method that it is filed as.
    public static let peftType = LoRAMethod.peftType
    /// As that of the method that it is filed as.
    public static let tensorMark = LoRAMethod.tensorMark
    /// There are none.
    public static let settingNames: [String] = []
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = [.biases]
    /// Those honoured, and those that say how training went.
    public static let fieldNames = LoRAMethod.fieldNames

    /// BitFit has no settings.
    public init() {}

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) { self.init() }

    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) { self.init() }

    /// The method and its size.
    public var summary: String { "BitFit" }

    /// None: it is in no linear map of its own.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [] }

    /// A change of every bias, zero.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        guard encoder.config.tensors.contains(where: \.isBias) else {
            throw .notForFamily(
                method: BitFitMethod.name, family: encoder.config.family.modelType, reason: "they have no biases")
        }
        var adapters = try Unfreezing(biases: true).deltas(for: encoder)
        adapters.methodChanges = Set(adapters.parameters)
        return (adapters, ParameterVector(adapters.parameters))
    }

    /// A LoRA.
    public var filed: any AdapterMethod { LoRAMethod(alpha: 8) }

    /// What PEFT writes.
    public func fields() -> [String: Any] { filed.fields() }

    /// What trains is filed as what is unfrozen.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        (.none, ParameterVector([]))
    }

    /// What trains is filed as what is unfrozen.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {}
}
