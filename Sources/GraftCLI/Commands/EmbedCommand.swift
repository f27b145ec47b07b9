import Graft

/// `graft embed`: sentence embeddings, by all modules of the model folder.
enum EmbedCommand {
    static let command = Command(EmbedOptions.command) { values in
        let texts = try TextSource.read(values)
        var session = try ModelSession(values)
        let task = try values[EmbedOptions.adapter].map { try session.load($0, values) }
        let prompt = try prompt(values, session.model)
        try session.model.embed(texts, task: task, prompt: prompt, each: line) { print($0.joined(separator: "\n")) }
    }

    /// The prompt that the line asks for. One that nobody asked for is said.
    private static func prompt(_ values: OptionValues, _ model: AdaptedModel) throws -> PromptChoice {
        if let text = values[EmbedOptions.prompt] { return .text(text) }
        if let name = values[EmbedOptions.promptName] { return .named(name) }
        let text = try model.prompt(.standard)
        if let name = model.sentence.prompts.defaultName, !text.isEmpty, !values[SharedOptions.Output.quiet] {
            StandardError.print(
                "note: the model's default prompt '\(name)' stands before each text: \(JSONText.string(text).line)"
                    + " (--prompt \"\" leaves it out)")
        }
        return .standard
    }

    private static func line(_ text: TextInput, _ embedding: [Float]) -> String {
        var fields: [(name: String, value: JSONText)] = [("text", .string(text.text))]
        if let pair = text.pair { fields.append(("text_pair", .string(pair))) }
        fields.append(("embedding", .array(embedding.map { .float($0) })))
        return JSONText.object(fields).line
    }
}
