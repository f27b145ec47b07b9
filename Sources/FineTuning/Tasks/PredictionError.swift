/// Why a text cannot be answered.
public enum PredictionError: Error, Sendable, Equatable {
    /// No task of this name is loaded.
    case noSuchTask(String, loaded: [String])
    /// The model folder has no prompt of this name.
    case noSuchPrompt(String, known: [String])
    /// The task has adapters but no head, as a folder that PEFT wrote.
    case noHead(task: String)
    /// A pair of texts for a task that answers single ones; the second text.
    case unexpectedPair(task: String, objective: Objective, second: String)
    /// A single text for a task that answers pairs.
    case missingPair(task: String, objective: Objective, text: String)
}

extension PredictionError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .noSuchTask(let name, let loaded):
            "no task '\(name)' is loaded; there is \(loaded.isEmpty ? "none" : loaded.joined(separator: ", "))"
        case .noSuchPrompt(let name, let known):
            "the model has no prompt '\(name)'; there is \(known.joined(separator: ", "))"
        case .unexpectedPair(let task, let objective, let second):
            "the task '\(task)' is \(objective.rawValue), which takes single texts; leave out the second text '\(second)'"
        case .missingPair(let task, let objective, let text):
            "the task '\(task)' is \(objective.rawValue), which is of two texts, and there is no second one beside '\(text)'; "
                + "give pairs with --input (\"text\" and \"text_pair\"), or take its embeddings with graft embed"
        case .noHead(let task):
            "the adapter '\(task)' has no head with label names, so it can embed but not predict; train one with graft train"
        }
    }
}
