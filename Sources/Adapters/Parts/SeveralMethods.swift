import Encoders
import Files
import Safetensors

/// What the adapters of several methods are together: as ``AdapterBundle/configuration`` has it of a folder in parts.
///
/// It is in no library, and makes and files nothing by itself: an ``AdapterRecipe`` makes each part by its own method, and a folder
/// has a folder of each method's own library for it (``PartsFolder``).
public struct SeveralMethods: AdapterMethod {
    /// "parts"
    public static let name = "parts"
    /// None: PEFT has no such thing.
    public static let peftType = ""
    /// None: its parts have theirs.
    public static let tensorMark = ""
    /// None: its parts have theirs.
    public static let settingNames: [String] = []
    /// None: its parts have theirs.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = []
    /// None: its parts have theirs.
    public static let fieldNames: Set<String> = []

    /// The methods in the order of the parts.
    public let methods: [any AdapterMethod]

    /// These methods.
    public init(_ methods: [any AdapterMethod]) { self.methods = methods }

    /// Refused: a recipe says the methods of its parts one by one.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        throw .notOfMethod("has no settings; say each part with its own method", method: Self.name)
    }

    /// Refused: PEFT's configuration has one method.
    public init(_ fields: JSONFields) throws(AdapterError) { throw .notInPEFT(method: Self.name) }

    /// Equal in each method, in their order.
    public static func == (left: SeveralMethods, right: SeveralMethods) -> Bool {
        left.methods.count == right.methods.count
            && zip(left.methods, right.methods).allSatisfy { $0.isEqual(to: $1) }
    }

    /// What each part is called: "0-ia3", "1-lora".
    static func names(of methods: [any AdapterMethod]) -> [String] {
        methods.enumerated().map { "\($0)-\(type(of: $1).name)" }
    }

    /// All of them.
    public var virtualTokens: Int { methods.reduce(0) { $0 + $1.virtualTokens } }

    /// "(IA)³ + LoRA of rank 8 (alpha 16)"
    public var summary: String { methods.map(\.summary).joined(separator: " + ") }

    /// None: its parts have theirs.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [] }

    /// A recipe makes each part by its own method.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        preconditionFailure("parts are made by an AdapterRecipe, each by its own method")
    }

    /// None: PEFT has no such thing.
    public func fields() -> [String: Any] { [:] }

    /// Refused: each part is read from its own folder.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        throw .notInPEFT(method: Self.name)
    }

    /// Each part is written into its own folder.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        preconditionFailure("parts are written each into a folder of its own")
    }
}
