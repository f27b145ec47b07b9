import Adapters
import Encoders
import Foundation
import Matrices
import Tokenizers

/// One encoder in memory with many tasks beside it. Each text is answered by the task named for it; switching copies no
/// weights.
///
/// ```swift
/// var model = try AdaptedModel(contentsOf: modelFolder)
/// try model.load("topics", from: topicsFolder)
/// try model.load("sentiment", from: sentimentFolder)
/// let answers = try model.predict(["Shares rose again."], task: "topics")
/// ```
public struct AdaptedModel: Sendable {
    /// The frozen encoder that all tasks share.
    public private(set) var encoder: TransformerEncoder
    /// The model folder's tokenizer.
    public let tokenizer: any Tokenizer
    /// How the model folder makes sentence embeddings.
    public let sentence: SentenceModules
    /// Tokens that a text is cut to where a task says nothing else: the folder's own limit.
    public let maximumTokens: Int
    /// The folder that the model was read from.
    let folder: URL
    /// The tasks by name.
    public private(set) var tasks: [String: TaskAdapter] = [:]

    /// Reads a model folder: config, weights, tokenizer, pooling.
    ///
    /// - Throws: ``EncoderError`` or ``TokenizerError`` naming the file and what is wrong with it.
    public init(contentsOf folder: URL, precision: Precision = .float32) throws {
        self.folder = folder
        var loaded: Result<any Tokenizer, TokenizerError>?
        let lowercasing = try SentenceModules.lowercases(in: folder)
        encoder = try TransformerEncoder(contentsOf: folder, precision: precision) {
            loaded = Result { () throws(TokenizerError) in
                try TokenizerFolder.load(from: folder, lowercasing: lowercasing)
            }
        }
        guard let loaded else { preconditionFailure("what is done beside loading is done where that succeeds") }
        tokenizer = try SegmentLimit.applied(to: loaded.get(), segments: encoder.config.segments)
        sentence = try SentenceModules(contentsOf: folder, hiddenSize: encoder.config.hiddenSize)
        maximumTokens = min(
            sentence.maximumTokens ?? tokenizer.statedLimits.tokenizerConfig ?? .max, encoder.config.maximumPositions)
        guard tokenizer.idLimit <= encoder.config.vocabularySize else {
            throw EncoderError.configuration(
                .invalidField(
                    file: folder.appending(path: "config.json").path(percentEncoded: false), field: "vocab_size",
                    found: "\(encoder.config.vocabularySize)",
                    expected: "at least \(tokenizer.idLimit), one more than the tokenizer's highest id"))
        }
    }

    /// Adds a task from its folder, in place of one of the same name.
    ///
    /// - Throws: ``TaskAdapterError`` saying what is wrong with which file.
    public mutating func load(
        _ name: String, from folder: URL, allowingOtherBase: Bool = false
    ) throws(TaskAdapterError) {
        tasks[name] = try readTask(folder, allowingOtherBase: allowingOtherBase)
    }

    /// The task of a folder, for this model.
    func readTask(_ folder: URL, allowingOtherBase: Bool) throws(TaskAdapterError) -> TaskAdapter {
        let task = try TaskAdapter(
            contentsOf: folder, for: encoder, taskModels, allowingOtherBase: allowingOtherBase)
        // Embeddings are the model folder's, so what is told from them depends on it.
        if let head = task.head, head.objective == .similarity, let pooling = head.pooling,
            pooling.modes != sentence.pooling.modes
        {
            throw .head(
                .otherPooling(
                    folder: folder.path(percentEncoded: false), found: sentence.pooling.name, expected: pooling.name))
        }
        return task
    }

    /// The head that the model folder has because a task model of transformers wrote it; nil if it has none.
    ///
    /// - Throws: ``HeadError`` for a head of a kind that Graft does not know.
    public func checkpointHead() throws(HeadError) -> CheckpointHead? { try CheckpointHead(contentsOf: folder) }

    /// Adds the model folder's own head as a task without adapters: it answers as the task model of transformers does.
    ///
    /// - Throws: ``HeadError`` if there is none, or it is not whole, or of a kind that Graft does not run.
    public mutating func addCheckpointHead(as name: String) throws(HeadError) {
        add(name, TaskAdapter(bundle: nil, head: try checkpointHeadFiles()))
    }

    /// The heads of transformers' task models of this family.
    var taskModels: TaskModelHeads { TaskModelHeads(folder, encoder, maximumTokens: maximumTokens) }

    func checkpointHeadFiles() throws(HeadError) -> HeadFiles {
        guard let head = try checkpointHead() else { throw .noHead(folder: folder.path(percentEncoded: false)) }
        return try head.files(for: encoder, maximumTokens: maximumTokens)
    }

    /// The same model without tasks, its encoder replaced by one of the same shape.
    package func replacing(_ encoder: TransformerEncoder) -> AdaptedModel {
        var model = self
        (model.encoder, model.tasks) = (encoder, [:])
        return model
    }

    /// Adds a task that is already in memory.
    public mutating func add(_ name: String, _ task: TaskAdapter) { tasks[name] = task }

    /// Multiplies the changes that a task's adapters make by `weight`; its head stays. ``AdapterRegistry`` does so too, and can take it
    /// back.
    ///
    /// - Throws: ``PredictionError`` if there is no such task, ``AdapterError/notAdded(adapter:reason:)`` if its method has no weights.
    public mutating func scaleAdapters(of name: String, by weight: Float) throws {
        let task = try task(name)
        precondition(weight.isFinite, "a weight is a finite number")
        let (adapters, values) = try AdapterSet.sum([
            .init(name: name, adapters: task.adapters, pass: task.pass, weight: weight)
        ])
        if weight != 1 { tasks[name] = TaskAdapter(adapters, values, head: task.head) }
    }

    /// Takes a task away; nothing if there is none of this name.
    public mutating func remove(_ name: String) { tasks[name] = nil }

    /// The same model with another encoder of the same config, that weights were merged into, and without tasks.
    func with(_ encoder: TransformerEncoder) -> AdaptedModel {
        var model = withoutTasks
        model.encoder = encoder
        return model
    }

    /// The same model without tasks.
    package var withoutTasks: AdaptedModel {
        var model = self
        model.tasks = [:]
        return model
    }

    /// Answers of a task, in the order of the texts.
    ///
    /// - Throws: ``PredictionError`` if there is no such task, it has no head, or does not answer pairs.
    public func predict(_ texts: [TextInput], task name: String) throws -> [Prediction] {
        var predictions: [Prediction] = []
        try predict(texts, tasks: [name], each: { $0 }, deliver: { predictions += $0 })
        return predictions
    }

    /// Answers to texts that each name their task, in the order of the texts. Texts of several tasks go through the encoder together,
    /// each with its own adapters and its own head; an answer is the same, bit for bit, as by itself.
    ///
    /// - Throws: ``PredictionError`` as ``predict(_:task:)``.
    public func predict(_ requests: [(text: TextInput, task: String)]) throws -> [Prediction] {
        var predictions: [Prediction] = []
        try predict(requests, each: { $0 }, deliver: { predictions += $0 })
        return predictions
    }

    /// Sentence embeddings, by all modules of the model folder, through the adapters of a task if one is named.
    ///
    /// - Throws: ``PredictionError`` if there is no such task or prompt.
    public func embed(
        _ texts: [TextInput], task name: String? = nil, prompt: PromptChoice = .standard
    ) throws -> [[Float]] {
        var embeddings: [[Float]] = []
        try embed(texts, task: name, prompt: prompt, each: { $1 }, deliver: { embeddings += $0 })
        return embeddings
    }

    /// Sentence embeddings of texts that each name the task whose adapters they go through, or nil for the encoder as it is, in the
    /// order of the texts. They go through the encoder together; an embedding is the same, bit for bit, as by itself.
    ///
    /// - Throws: ``PredictionError`` if there is no such task or prompt.
    public func embed(
        _ requests: [(text: TextInput, task: String?)], prompt: PromptChoice = .standard
    ) throws -> [[Float]] {
        var embeddings: [[Float]] = []
        try embed(requests, prompt: prompt, each: { $1 }, deliver: { embeddings += $0 })
        return embeddings
    }

    /// The texts as tokens, cut to `limit` and to what the encoder takes.
    public func tokenize(_ texts: [TextInput], limit: Int) throws(TokenizerError) -> [TokenizedText] {
        let limit = min(limit, encoder.config.maximumPositions)
        return try TextBlocks.tokenize(texts) { text throws(TokenizerError) in
            [try tokenizer.tokenize(text.text, pairedWith: text.pair, limit: limit)]
        }.flatMap { $0 }
    }

    func task(_ name: String) throws(PredictionError) -> TaskAdapter {
        guard let task = tasks[name] else { throw .noSuchTask(name, loaded: tasks.keys.sorted()) }
        return task
    }
}
