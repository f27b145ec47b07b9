import Encoders
import Matrices
import Tokenizers

/// Asking the head of a task: the same way for every kind.
extension AdaptedModel {
    /// The task `name` with its head and the tokens that its texts are cut to.
    func answering(_ name: String) throws(PredictionError) -> (task: TaskAdapter, head: any Head, limit: Int) {
        let task = try task(name)
        guard let files = task.head else { throw .noHead(task: name) }
        return (task, files.head.head, files.maximumTokens)
    }

    /// What `answer` makes of the head's outputs for each input: a matrix for each of the texts that it became.
    func answers<Answer>(
        to inputs: [TextInput], task name: String,
        _ answer: (_ head: any Head, TextInput, [TokenizedText], _ outputs: [Matrix]) -> Answer
    ) throws -> [Answer] {
        let (task, head, limit) = try answering(name)
        if !head.takesPairs, let pair = inputs.lazy.compactMap(\.pair).first {
            throw PredictionError.unexpectedPair(task: name, objective: head.objective, second: pair)
        }
        let texts = try read(inputs, head, limit: limit)
        let model = TaskModel(encoder: encoder, adapters: task.adapters, head: head)
        let outputs = model.outputs(texts.flatMap { $0 }, task.parameters)
        var start = 0
        return zip(inputs, texts).map { input, texts in
            defer { start += texts.count }
            return answer(head, input, texts, Array(outputs[start..<start + texts.count]))
        }
    }

    /// The probabilities of all labels for each text, or for each of its tokens, end to end.
    func probabilities(_ inputs: [TextInput], task name: String) throws -> [[Float]] {
        try answers(to: inputs, task: name) { _, _, _, outputs in
            outputs.flatMap { SoftmaxCrossEntropy.probabilities($0).values }
        }
    }

    /// Each input as the encoder reads it for a head.
    func read(_ inputs: [TextInput], _ head: any Head, limit: Int) throws(TokenizerError) -> [[TokenizedText]] {
        let limit = min(limit, encoder.config.maximumPositions)
        return try inBlocks(of: inputs) { input throws(TokenizerError) in
            try head.texts(of: input, tokenizer, limit: limit)
        }
    }

    /// `body` of each text, in their order, blocks of them at once.
    func inBlocks<Result: Sendable>(
        of texts: [TextInput], _ body: @Sendable (TextInput) throws(TokenizerError) -> Result
    ) throws(TokenizerError) -> [Result] {
        let grain = 64
        let blocks = Parallel.map((texts.count + grain - 1) / grain) { block in
            Swift.Result { () throws(TokenizerError) in
                var results: [Result] = []
                for text in texts[block * grain..<min((block + 1) * grain, texts.count)] {
                    results.append(try body(text))
                }
                return results
            }
        }
        var results: [Result] = []
        for block in blocks { results += try block.get() }
        return results
    }
}
