import Encoders
import Matrices
import Tokenizers

extension AdaptedModel {
    /// What the task `name` answers to each example of labelled data, and how far off that is, in the order of the data.
    ///
    /// The loss of an example is the task's own, of this example alone; of texts that are told from the others of a step it is
    /// the squared error of the cosine, or 1 − cosine where they belong together.
    ///
    /// - Throws: ``DataError`` for a label that the task does not know, ``PredictionError`` for a task without a head.
    public func outcomes(_ name: String, on data: Dataset) throws -> [ExampleOutcome] {
        try outcomes(name, on: data, from: nil)
    }

    /// The same from outputs for each text of the data, where these are known already.
    func outcomes(_ name: String, on data: Dataset, from known: [Matrix]?) throws -> [ExampleOutcome] {
        let (task, head, limit) = try answering(name)
        let answers = try head.answers(in: data)
        let tokenized = try TextBlocks.tokenize(data.inputs) { text throws(TokenizerError) in
            try head.texts(of: text, tokenizer, limit: limit)
        }
        let texts = tokenized.flatMap { $0 }
        let model = TaskModel(encoder: encoder, adapters: task.adapters, head: head)
        let outputs = known ?? model.outputs(texts, task.parameters)
        precondition(outputs.count == texts.count, "each text has outputs")
        var start = 0
        return zip(zip(data.examples, answers), tokenized).map { example, texts in
            let own = Array(outputs[start..<start + texts.count])
            start += texts.count
            let answer = head.answer(example.0.input, texts, own)
            let targets = head.targets(example.1, of: texts)
            return ExampleOutcome(
                example.0, answer, scale: (head as? SimilarityHead)?.scoreScale ?? 1,
                loss: head.lossSeesWholeStep ? nil : head.loss(own, targets))
        }
    }
}

extension Head {
    /// The mean loss of the texts of one example.
    fileprivate func loss(_ outputs: [Matrix], _ targets: [Target]) -> Double {
        let terms = targets.reduce(0) { $0 + lossTerms(of: $1) }
        return zip(outputs, targets).reduce(0) { sum, text in
            sum + loss(text.0, rows: [0..<text.0.rows], [text.1], terms: max(terms, .leastNonzeroMagnitude)).loss
        }
    }
}

extension ExampleOutcome {
    /// What an answer is beside what the example says.
    ///
    /// - Parameters:
    ///   - scale: what the data's scores are divided by, of similarities.
    ///   - loss: nil where no example has one alone.
    fileprivate init(_ example: Example, _ answer: Prediction.Answer, scale: Float, loss: Double?) {
        let known = example.label
        var (expected, answered) = (known?.className ?? known?.names.joined(separator: ", ") ?? "", "")
        var isRight: Bool?
        var numbers: Numbers?
        var error = 0.0
        switch answer {
        case .label(let answer):
            answered = answer.label
            isRight = answered == expected
        case .labels(let answer):
            answered = answer.labels.isEmpty ? "none" : answer.labels.joined(separator: ", ")
            expected = known?.names.isEmpty ?? true ? "none" : expected
            isRight = Set(answer.labels) == Set(known?.names ?? [])
        case .number(let answer):
            (numbers, answered) = (
                known?.score.map { Numbers(expected: $0, answered: Double(answer)) }, ReportNumber.short(Double(answer))
            )
        case .similarity(let cosine):
            answered = "cosine \(ReportNumber.short(Double(cosine)))"
            if let score = known?.score.map({ $0 / Double(scale) }) {
                expected = ReportNumber.short(score)
                numbers = Numbers(expected: score, answered: Double(cosine))
                error = (Double(cosine) - score) * (Double(cosine) - score)
            } else {
                expected = "they belong together"
                error = 1 - Double(cosine)
            }
        case .entities(let entities):
            let tags: [String] = if case .tags(let tags)? = known { tags } else { [] }
            let words = example.tokens ?? []
            let spans = TaggedSpan.all(in: tags).map { "\($0.type): \(words[$0.words].joined(separator: " "))" }
            let found = entities.map { "\($0.label): \($0.text)" }
            (expected, answered) = (ExampleOutcome.list(spans), ExampleOutcome.list(found))
            isRight = spans == found
        }
        self.init(
            input: example.input, line: example.line, expected: expected, answered: answered, loss: loss ?? error,
            isRight: isRight, numbers: numbers)
    }

    private static func list(_ entities: [String]) -> String {
        entities.isEmpty ? "no entity" : entities.joined(separator: "; ")
    }
}
