import Encoders
import Matrices

/// Many texts: results come block after block, while the rest is worked on. Memory does not grow with their number.
extension AdaptedModel {
    /// Sentence embeddings of all texts, in their order, through the adapters of a task if one is named.
    ///
    /// - Parameters:
    ///   - each: makes of a text and its embedding what is wanted, on several threads at once.
    ///   - deliver: called with one block of these after the other.
    /// - Throws: ``PredictionError`` if there is no such task, and what `deliver` throws.
    public func embed<Output>(
        _ texts: [TextInput], task name: String? = nil, each: (TextInput, [Float]) -> Output,
        deliver: ([Output]) throws -> Void
    ) throws {
        let task = try name.map { try self.task($0) }
        let pass = Pass(parameters: task?.parameters ?? ParameterVector([]))
        let blocks = TextBlocks(model: self, texts: texts, limits: [maximumTokens])
        try blocks.run(
            compute: { _, batch, texts in
                let (hidden, _) = encoder.forward(batch, adapters: task?.adapters ?? .none, pass)
                let embeddings = pooling.embeddings(hidden, batch)
                return texts.indices.map { each(texts[$0], embeddings.row($0)) }
            }, deliver: deliver)
    }

    /// Answers of several tasks to all texts: text after text, each with the tasks in their order.
    ///
    /// - Parameters:
    ///   - each: makes of an answer what is wanted, on several threads at once.
    ///   - deliver: called with one block of these after the other.
    /// - Throws: ``PredictionError`` if there is no such task, or it has no head, and what `deliver` throws.
    public func predict<Output>(
        _ texts: [TextInput], tasks names: [String], each: (Prediction) -> Output, deliver: ([Output]) throws -> Void
    ) throws {
        let tasks = try names.map { name in
            let task = try task(name)
            guard let files = task.head else { throw PredictionError.noHead(task: name) }
            let model = ClassificationModel(encoder: encoder, adapters: task.adapters, head: files.head.head)
            return (name: name, model: model, pass: Pass(parameters: task.parameters), limit: files.maximumTokens)
        }
        let blocks = TextBlocks(model: self, texts: texts, limits: tasks.map(\.limit))
        try blocks.run(
            compute: { kind, batch, texts in
                let task = tasks[kind]
                let probabilities = SoftmaxCrossEntropy.probabilities(task.model.forward(batch, task.pass).logits)
                return texts.indices.map {
                    each(Prediction(texts[$0], task: task.name, task.model.head.labels, probabilities.row($0)))
                }
            }, deliver: deliver)
    }
}
