import Encoders
import Matrices
import Tokenizers

/// Many texts: results come block after block, while the rest is worked on. Memory does not grow with their number.
extension AdaptedModel {
    /// Sentence embeddings of all texts, in their order, through the adapters of a task if one is named.
    ///
    /// - Parameters:
    ///   - prompt: what stands before each text, the first of a pair.
    ///   - each: makes of a text and its embedding what is wanted, on several threads at once.
    ///   - deliver: called with one block of these after the other.
    /// - Throws: ``PredictionError`` if there is no such task or prompt, and what `deliver` throws.
    public func embed<Output>(
        _ texts: [TextInput], task name: String? = nil, prompt: PromptChoice = .standard,
        each: (TextInput, [Float]) -> Output, deliver: ([Output]) throws -> Void
    ) throws {
        let task = try name.map { try self.task($0) }
        let prompt = try self.prompt(prompt)
        let promptTokens = sentence.pooling.includesPrompt ? 0 : try tokenCount(ofPrompt: prompt)
        let pass = task?.pass ?? Pass(parameters: ParameterVector([]))
        let limit = min(maximumTokens, encoder.maximumTokens(behind: task?.adapters ?? .none))
        let blocks = TextBlocks(texts: texts, kindCount: 1) { _, text throws(TokenizerError) in
            [try tokenizer.tokenize(prompt + text.text, pairedWith: text.pair, limit: limit)]
        }
        try blocks.run(
            compute: { _, texts, tokenized in
                let batch = Batching.pack(Array(texts.indices), tokenized.map { $0[0] })
                let (hidden, _) = encoder.forward(batch, adapters: task?.adapters ?? .none, pass)
                let mark = Profile.enter(.head)
                defer { mark.leave() }
                let (embeddings, _) = sentence.forward(hidden, batch, promptTokens: promptTokens)
                return texts.indices.map { each(texts[$0], embeddings.row($0)) }
            }, deliver: deliver)
    }

    /// Answers of several tasks to all texts: text after text, each with the tasks in their order.
    ///
    /// - Parameters:
    ///   - each: makes of an answer what is wanted, on several threads at once.
    ///   - deliver: called with one block of these after the other.
    /// - Throws: ``PredictionError`` if there is no such task, it has no head or takes no pairs, and what `deliver` throws.
    public func predict<Output>(
        _ texts: [TextInput], tasks names: [String], each: (Prediction) -> Output, deliver: ([Output]) throws -> Void
    ) throws {
        for name in names {
            let (_, head, _) = try answering(name)
            if head.needsPairs, let single = texts.first(where: { $0.pair == nil }) {
                throw PredictionError.missingPair(task: name, objective: head.objective, text: single.text)
            }
        }
        try answer(texts, tasks: names, deliver: deliver) { task, input, tokenized, outputs in
            let answer = task.model.head.answer(input, tokenized, outputs)
            return each(Prediction(input: input, task: task.name, answer: answer))
        }
    }

    /// The probabilities of all labels for each text, or for each of its tokens, end to end.
    func probabilities(_ texts: [TextInput], task name: String) throws -> [[Float]] {
        var probabilities: [[Float]] = []
        try answer(texts, tasks: [name], deliver: { probabilities += $0 }) { task, _, _, outputs in
            outputs.flatMap { task.model.head.probabilities(of: $0).values }
        }
        return probabilities
    }

    /// A task that answers texts.
    private struct Answerer {
        let name: String
        let model: TaskModel
        let pass: Pass
        let limit: Int
    }

    /// Calls `deliver` with what `make` makes of the head's outputs for each text, a matrix for each text that it was read as.
    private func answer<Output>(
        _ texts: [TextInput], tasks names: [String], deliver: ([Output]) throws -> Void,
        _ make: (Answerer, TextInput, [TokenizedText], _ outputs: [Matrix]) -> Output
    ) throws {
        let tasks = try names.map { name in
            let (task, head, limit) = try answering(name)
            if !head.takesPairs, let pair = texts.lazy.compactMap(\.pair).first {
                throw PredictionError.unexpectedPair(task: name, objective: head.objective, second: pair)
            }
            let model = TaskModel(encoder: encoder, adapters: task.adapters, head: head)
            return Answerer(name: name, model: model, pass: task.pass, limit: limit)
        }
        let blocks = TextBlocks(texts: texts, kindCount: tasks.count) { kind, text throws(TokenizerError) in
            try tasks[kind].model.head.texts(of: text, tokenizer, limit: tasks[kind].limit)
        }
        try blocks.run(
            compute: { kind, texts, tokenized in
                let task = tasks[kind]
                let outputs = task.model.outputs(ofPart: tokenized.flatMap { $0 }, task.pass)
                var start = 0
                return zip(texts, tokenized).map { text, tokenized in
                    defer { start += tokenized.count }
                    return make(task, text, tokenized, Array(outputs[start..<start + tokenized.count]))
                }
            }, deliver: deliver)
    }

    /// The task `name` with its head, and the tokens that its texts are cut to.
    func answering(_ name: String) throws(PredictionError) -> (task: TaskAdapter, head: any Head, limit: Int) {
        let task = try task(name)
        guard let files = task.head else { throw .noHead(task: name) }
        let limit = min(files.maximumTokens, encoder.maximumTokens(behind: task.adapters))
        return (task, files.head.head.behind(sentence), limit)
    }
}
