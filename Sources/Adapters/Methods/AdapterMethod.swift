import Encoders
import Files
import Safetensors

/// A method of changing a frozen encoder: what is asked for, the adapters that it means, and how PEFT files them.
///
/// To add a method, write a conformance in a file of its own and add it to ``AdapterMethods/all``: recipes, the command line,
/// folders, model cards and the battery of tests find it there.
public protocol AdapterMethod: Sendable, Equatable {
    /// What `--method` and recipes call it.
    static var name: String { get }
    /// PEFT's `peft_type`.
    static var peftType: String { get }
    /// What a recipe may say of it, beside its targets and layers.
    static var settingNames: [String] { get }
    /// The fields of `adapter_config.json` that are the method's own: those that it honours, and those that cannot change what a
    /// saved adapter computes. Others are refused by name where they say something.
    static var fieldNames: Set<String> { get }
    /// The fields that a folder of PEFT's has for every targeted method, and that some methods have not.
    static var sharedFields: Set<PEFTConfiguration.SharedField> { get }
    /// Whether changes of norms are what the method trains, and not modules that are saved whole beside it.
    static var filesNorms: Bool { get }
    /// Whether PEFT puts something of the method's into modules of the model, and not before its inputs.
    static var wrapsModules: Bool { get }
    /// How the tensors of this method are marked in their names: `.lora_`.
    static var tensorMark: String { get }

    /// The method with settings by name.
    ///
    /// - Throws: ``AdapterError/invalidSetting(_:found:expected:)``
    init(_ settings: MethodSettings) throws(AdapterError)

    /// The method as `adapter_config.json` says it.
    ///
    /// - Throws: ``AdapterError`` for a field that is wrong, or has a value that is not supported.
    init(_ fields: JSONFields) throws(AdapterError)

    /// The method that its folders are of, where PEFT has none of its own for it.
    var filed: any AdapterMethod { get }

    /// How many positions of the encoder it takes before the first token of a text.
    var virtualTokens: Int { get }

    /// A few words: "LoRA of rank 8 (alpha 16)".
    var summary: String { get }

    /// The linear maps to adapt where nobody names them.
    func usualTargets(for config: EncoderConfig) -> [Projection]

    /// The same for some of the sites that it is on: without what it says of others alone.
    func keeping(_ sites: [Site], for config: EncoderConfig) -> Self

    /// New adapters, with starting values: a function of the seed and of the sites' names.
    ///
    /// - Throws: ``AdapterError`` where the encoder has not what the method needs.
    func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector)

    /// The method that made these adapters, as its library would say it: with what differs from module to module by name.
    func settled(on adapters: AdapterSet, for config: EncoderConfig) -> Self

    /// The fields of `adapter_config.json` that are the method's own.
    func fields() -> [String: Any]

    /// The same where they say something of the adapters, their targets or the encoder.
    func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any]

    /// The adapters at `sites`, with the values that a folder has for them.
    ///
    /// - Throws: ``AdapterError`` for a tensor that is missing or has another shape.
    func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector)

    /// Adds the tensors of the adapters to a file.
    func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter)

    /// The same where the file has new numbers of the encoder's tensors, and not changes of them.
    func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, on encoder: TransformerEncoder,
        into writer: inout SafetensorsWriter)
}

extension AdapterMethod {
    /// All of them.
    public static var sharedFields: Set<PEFTConfiguration.SharedField> { Set(PEFTConfiguration.SharedField.allCases) }

    /// Itself.
    public var filed: any AdapterMethod { self }

    /// Yes.
    public static var wrapsModules: Bool { true }

    /// No.
    public static var filesNorms: Bool { false }

    /// Without asking the encoder.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, on encoder: TransformerEncoder,
        into writer: inout SafetensorsWriter
    ) { write(adapters, parameters, names, into: &writer) }

    /// Those that are the same for all.
    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] { fields() }

    /// The same.
    public func settled(on adapters: AdapterSet, for config: EncoderConfig) -> Self { self }

    /// Those that LoRA adapts in the encoder's family.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { config.family.adapterTargets }

    /// The same: it says nothing of single sites.
    public func keeping(_ sites: [Site], for config: EncoderConfig) -> Self { self }

    /// None.
    public var virtualTokens: Int { 0 }

    /// Whether another method is this one with the same settings.
    func isEqual(to other: any AdapterMethod) -> Bool { (other as? Self) == self }
}
