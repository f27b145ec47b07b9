import Encoders
import Files
import Matrices
import Safetensors

/// Prompt tuning (Lester et al. 2021; ``SoftPrompt``), as PEFT files it.
///
/// Hidden states are those of a text's own tokens, so pooling, heads and tags do not see the virtual ones. In PEFT the states of
/// these come first, and a head that reads the first state reads one of theirs: a folder for such a head is refused by name.
public struct PromptTuningMethod: AdapterMethod {
    /// "prompt"
    public static let name = "prompt"
    /// "PROMPT_TUNING"
    public static let peftType = "PROMPT_TUNING"
    /// "prompt_embeddings"
    public static let tensorMark = "prompt_embeddings"
    /// No: virtual tokens are before everything.
    public static let wrapsModules = false
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["tokens", "start", "text"]
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = []
    /// Those honoured, and those that say how training went.
    public static let fieldNames = VirtualTokenFields.names.union([
        "prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path", "tokenizer_kwargs",
    ])

    /// What the virtual tokens start as.
    public enum Start: Sendable, Equatable {
        /// Words of the vocabulary, by chance: `SAMPLE_VOCAB`.
        case vocabulary
        /// Normal random numbers: `RANDOM`.
        case random
        /// These words, over and over: `TEXT`.
        case words([Int32])
        /// The tokens of this text, special ones included as PEFT has them, once a tokenizer has made ``words(_:)`` of it
        /// (``AdapterRecipe/spelled(by:)``).
        case text(String)
    }

    /// How many virtual tokens there are: `num_virtual_tokens`.
    public var tokens: Int
    /// What they start as.
    public var start: Start

    /// 16 tokens, which start as words of the vocabulary.
    public init(tokens: Int = 16, start: Start = .vocabulary) { (self.tokens, self.start) = (tokens, start) }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init(
            tokens: try settings.integer("tokens", default: 16, in: 1...4096),
            start: try settings.choice(
                "start", default: .vocabulary, of: [("vocabulary", .vocabulary), ("random", .random)]))
        switch settings["text"] {
        case nil: break
        case .text(let text)? where !text.isEmpty && settings["start"] == nil: start = .text(text)
        default: throw settings.invalid("text", "words to start from, and no 'start' beside them")
        }
    }

    /// All of them.
    public var virtualTokens: Int { tokens }

    /// The method and its size.
    public var summary: String { "prompt tuning with \(tokens) tokens" }

    /// None: it is in no linear map.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [] }

    /// The virtual tokens.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try VirtualTokenFields.check(tokens, on: encoder.config)
        let (adapters, rows) = PromptTuningMethod.prompt(tokens, on: encoder.config)
        var parameters = ParameterVector(adapters.parameters)
        switch start {
        case .random: parameters[rows] = .normal(rows, seed: seed)
        case .vocabulary:
            var random = RandomStream(seed: seed, name: rows.name)
            let words = (0..<tokens).map { _ in
                Int32(random.next() % UInt64(encoder.config.vocabularySize))
            }
            parameters[rows] = encoder.wordEmbeddings(of: words)
        case .text:
            throw .cannotStart(
                "text", site: rows.name, reason: "there is no tokenizer at hand that makes tokens of it; give their ids"
            )
        case .words(let words):
            guard !words.isEmpty, words.allSatisfy({ 0..<encoder.config.vocabularySize ~= Int($0) }) else {
                throw .invalidSetting(
                    "start", found: "\(words.count) words",
                    expected: "some words of the encoder's \(encoder.config.vocabularySize)")
            }
            parameters[rows] = encoder.wordEmbeddings(of: (0..<tokens).map { words[$0 % words.count] })
        }
        return (adapters, parameters)
    }

    static func prompt(_ tokens: Int, on config: EncoderConfig) -> (adapters: AdapterSet, rows: Parameter) {
        let rows = Parameter(name: "embeddings.prompt", rows: tokens, columns: config.embeddingSize)
        var adapters = AdapterSet.none
        adapters.prompt = SoftPrompt(rows: rows)
        return (adapters, rows)
    }
}

extension Matrix {
    /// Normal numbers, a function of the seed and the name.
    static func normal(_ parameter: Parameter, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, name: parameter.name)
        return Matrix(
            rows: parameter.rows, columns: parameter.columns, values: (0..<parameter.count).map { _ in random.normal() }
        )
    }
}

// MARK: PEFT's files

extension PromptTuningMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        do {
            let start = try fields.text("prompt_tuning_init")
            self.init(
                tokens: try VirtualTokenFields.count(fields),
                start: start == PromptTuningMethod.ofVocabulary ? .vocabulary : .random)
        } catch { throw .configuration(error) }
    }

    /// How a prompt was started PEFT only asks where it starts one anew, and there for the text of words.
    public func fields() -> [String: Any] {
        ["prompt_tuning_init": start == .vocabulary ? PromptTuningMethod.ofVocabulary : "RANDOM"]
    }

    private static let ofVocabulary = "SAMPLE_VOCAB"

    /// The same, and what the adapters and the encoder say.
    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] {
        VirtualTokenFields.fields(
            count: adapters.prompt?.count ?? tokens, width: config.embeddingSize, on: config
        ).merging(fields()) { own, _ in own }
    }

    static let tensorName = "prompt_embeddings"

    /// `prompt_embeddings`
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try PromptTuningMethod.read(tokens, &reader)
    }

    static func read(
        _ tokens: Int, _ reader: inout AdapterReader
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        if reader.taskType == "SEQ_CLS" {
            throw .unsupportedField(
                file: reader.configPath, field: "task_type", found: "SEQ_CLS",
                expected:
                    "FEATURE_EXTRACTION or TOKEN_CLS: the head would read the first virtual token, and Graft's read"
                    + " the text's own")
        }
        try VirtualTokenFields.check(tokens, on: reader.encoder.config, name: "num_virtual_tokens")
        let (adapters, rows) = prompt(tokens, on: reader.encoder.config)
        var values = ParameterVector(adapters.parameters)
        values[rows] = try reader.read(tensorName, shape: [rows.rows, rows.columns])
        return (adapters, values)
    }

    /// `prompt_embeddings`
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        guard let prompt = adapters.prompt else { return }
        writer.add(
            PromptTuningMethod.tensorName, shape: [prompt.rows.rows, prompt.rows.columns],
            floats: parameters[prompt.rows].values)
    }
}
