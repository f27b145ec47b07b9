import Adapters
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
        try embed(texts, tasks: [name], { _ in 0 }, prompt: prompt, each: each, deliver: deliver)
    }

    /// Sentence embeddings of texts that each name the task whose adapters they go through, or nil for the encoder as it is, in their
    /// order. Texts of several tasks go through the encoder together.
    ///
    /// - Throws: as ``embed(_:task:prompt:each:deliver:)``.
    public func embed<Output>(
        _ requests: [(text: TextInput, task: String?)], prompt: PromptChoice = .standard,
        each: (TextInput, [Float]) -> Output, deliver: ([Output]) throws -> Void
    ) throws {
        let (names, kinds) = AdaptedModel.kinds(of: requests.map(\.task))
        try embed(requests.map(\.text), tasks: names, { kinds[$0] }, prompt: prompt, each: each, deliver: deliver)
    }

    private func embed<Output>(
        _ texts: [TextInput], tasks names: [String?], _ kind: @escaping (_ text: Int) -> Int, prompt: PromptChoice,
        each: (TextInput, [Float]) -> Output, deliver: ([Output]) throws -> Void
    ) throws {
        let tasks = try names.map { name -> LayerSharing.Branch in
            guard let task = try name.map({ try self.task($0) }) else {
                return (.none, Pass(parameters: ParameterVector([])))
            }
            return (task.adapters, task.pass)
        }
        let prompt = try self.prompt(prompt)
        let promptTokens = sentence.pooling.includesPrompt ? 0 : try tokenCount(ofPrompt: prompt)
        let batches = SharedBatches(encoder, tasks, severalATime: false)
        // Tokens that virtual ones leave room for.
        let limits = tasks.map { min(maximumTokens, encoder.maximumTokens(behind: $0.adapters)) }
        let blocks = TextBlocks(texts: texts, kinds: { [kind($0)] }) { text, kinds throws(TokenizerError) in
            let limit = limits[kinds[0]]
            return [[try tokenizer.tokenize(prompt + text.text, pairedWith: text.pair, limit: limit)]]
        }
        try blocks.run(
            plan: batches.plan,
            compute: { way, slots in
                var outputs = [Output?](repeating: nil, count: slots.count)
                for share in batches.states(way, slots) {
                    let mark = Profile.enter(.head)
                    defer { mark.leave() }
                    let (embeddings, _) = sentence.forward(share.hidden, share.batch, promptTokens: promptTokens)
                    for (row, slot) in share.slots.enumerated() {
                        outputs[slot] = each(slots[slot].input, embeddings.row(row))
                    }
                }
                return outputs.compactMap { $0 }
            }, deliver: deliver)
    }

    /// Answers of several tasks to all texts: text after text, each with the tasks in their order. What the tasks have in common is
    /// computed once for a text: the layers below the lowest in which their adapters differ.
    ///
    /// - Parameters:
    ///   - each: makes of an answer what is wanted, on several threads at once.
    ///   - deliver: called with one block of these after the other.
    /// - Throws: ``PredictionError`` if there is no such task, it has no head or takes no pairs, and what `deliver` throws.
    public func predict<Output>(
        _ texts: [TextInput], tasks names: [String], each: (Prediction) -> Output, deliver: ([Output]) throws -> Void
    ) throws {
        let kinds = Array(names.indices)
        try predict(texts, tasks: names, { _ in kinds }, each: each, deliver: deliver)
    }

    /// Answers to texts that each name their task, in the order of the texts. Texts of several tasks go through the encoder together,
    /// each with its own adapters and its own head.
    ///
    /// - Throws: as ``predict(_:tasks:each:deliver:)``.
    public func predict<Output>(
        _ requests: [(text: TextInput, task: String)], each: (Prediction) -> Output,
        deliver: ([Output]) throws -> Void
    ) throws {
        let (names, kinds) = AdaptedModel.kinds(of: requests.map(\.task))
        try predict(requests.map(\.text), tasks: names, { [kinds[$0]] }, each: each, deliver: deliver)
    }

    private func predict<Output>(
        _ texts: [TextInput], tasks names: [String], _ kinds: @escaping (_ text: Int) -> [Int],
        each: (Prediction) -> Output, deliver: ([Output]) throws -> Void
    ) throws {
        let heads = try names.map { try answering($0).head }
        for (index, text) in texts.enumerated() where text.pair == nil {
            for kind in kinds(index) where heads[kind].needsPairs {
                throw PredictionError.missingPair(
                    task: names[kind], objective: heads[kind].objective, text: text.text)
            }
        }
        try answer(texts, tasks: names, kinds, deliver: deliver) { task, input, tokenized, outputs in
            let answer = task.model.head.answer(input, tokenized, outputs)
            return each(Prediction(input: input, task: task.name, answer: answer))
        }
    }

    /// The probabilities of all labels for each text, or for each of its tokens, end to end.
    func probabilities(_ texts: [TextInput], task name: String) throws -> [[Float]] {
        var probabilities: [[Float]] = []
        try answer(texts, tasks: [name], { _ in [0] }, deliver: { probabilities += $0 }) { task, _, _, outputs in
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
        /// Tasks of one number read texts alike.
        let reading: Int
    }

    /// Calls `deliver` with what `make` makes of the head's outputs for each text, a matrix for each text that it was read as.
    private func answer<Output>(
        _ texts: [TextInput], tasks names: [String], _ kinds: @escaping (_ text: Int) -> [Int],
        deliver: ([Output]) throws -> Void,
        _ make: (Answerer, TextInput, [TokenizedText], _ outputs: [Matrix]) -> Output
    ) throws {
        let tasks = try answerers(names)
        for (index, text) in texts.enumerated() {
            guard let pair = text.pair else { continue }
            for kind in kinds(index) where !tasks[kind].model.head.takesPairs {
                throw PredictionError.unexpectedPair(
                    task: names[kind], objective: tasks[kind].model.head.objective, second: pair)
            }
        }
        let severalATime = texts.indices.contains { kinds($0).count > 1 }
        let batches = SharedBatches(
            encoder, tasks.map { ($0.model.adapters, $0.pass) }, severalATime: severalATime)
        let blocks = TextBlocks(texts: texts, kinds: kinds) { text, kinds throws(TokenizerError) in
            var read: [Int: [TokenizedText]] = [:]
            var tokenized: [[TokenizedText]] = []
            for kind in kinds {
                let task = tasks[kind]
                if let known = read[task.reading] {
                    tokenized.append(known)
                } else {
                    let new = try task.model.head.texts(of: text, tokenizer, limit: task.limit)
                    read[task.reading] = new
                    tokenized.append(new)
                }
            }
            return tokenized
        }
        try blocks.run(
            plan: batches.plan,
            compute: { way, slots in
                if case .alone(let kind) = way {
                    let task = tasks[kind]
                    let outputs = task.model.outputs(ofPart: slots.flatMap(\.tokenized), task.pass)
                    return AdaptedModel.handOut(outputs, to: Array(slots.indices), of: slots) {
                        make(task, $0.input, $0.tokenized, $1)
                    }.map(\.output)
                }
                var made = [Output?](repeating: nil, count: slots.count)
                for share in batches.states(way, slots) {
                    let task = tasks[share.kind]
                    let outputs = task.model.outputs(of: share.hidden, share.batch, task.pass)
                    let own = AdaptedModel.handOut(outputs, to: share.slots, of: slots) {
                        make(task, $0.input, $0.tokenized, $1)
                    }
                    for (slot, output) in own { made[slot] = output }
                }
                return made.compactMap { $0 }
            }, deliver: deliver)
    }

    /// Hands each of some slots its outputs, a matrix for each text that it was read as, in their order.
    private static func handOut<Output>(
        _ outputs: [Matrix], to chosen: [Int], of slots: [TextBlocks.Slot],
        _ make: (TextBlocks.Slot, [Matrix]) -> Output
    ) -> [(slot: Int, output: Output)] {
        var start = 0
        return chosen.map { slot in
            let end = start + slots[slot].tokenized.count
            defer { start = end }
            return (slot, make(slots[slot], Array(outputs[start..<end])))
        }
    }

    private func answerers(_ names: [String]) throws(PredictionError) -> [Answerer] {
        var tasks: [Answerer] = []
        for name in names {
            let (task, head, limit) = try answering(name)
            let reading = tasks.firstIndex { $0.limit == limit && $0.model.head.reads(as: head) } ?? tasks.count
            tasks.append(
                Answerer(
                    name: name, model: TaskModel(encoder: encoder, adapters: task.adapters, head: head),
                    pass: task.pass, limit: limit, reading: reading))
        }
        return tasks
    }

    /// The different ones of some tasks, and which of them each is.
    private static func kinds<Name: Hashable>(of tasks: [Name]) -> (names: [Name], kinds: [Int]) {
        var places: [Name: Int] = [:]
        var names: [Name] = []
        let kinds = tasks.map { task in
            if let place = places[task] { return place }
            places[task] = names.count
            names.append(task)
            return names.count - 1
        }
        return (names, kinds)
    }

    /// The task `name` with its head, and the tokens that its texts are cut to.
    func answering(_ name: String) throws(PredictionError) -> (task: TaskAdapter, head: any Head, limit: Int) {
        let task = try task(name)
        guard let files = task.head else { throw .noHead(task: name) }
        let limit = min(files.maximumTokens, encoder.maximumTokens(behind: task.adapters))
        return (task, files.head.head.behind(sentence), limit)
    }
}

extension Head {
    /// Whether another head cuts texts into tokens as this one does, but for the limit.
    fileprivate func reads(as other: any Head) -> Bool {
        type(of: other) == Self.self || readsTextsOrPairs && other.readsTextsOrPairs
    }

    /// Whether a text or a pair is what ``PooledHead`` makes of it.
    private var readsTextsOrPairs: Bool { self is any PooledHead && !(self is SimilarityHead) }
}
