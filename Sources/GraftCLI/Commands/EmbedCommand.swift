import Graft

/// `graft embed`: sentence embeddings, pooled and normalized as the model folder says.
enum EmbedCommand {
    static let command = Command(EmbedOptions.command) { values in
        let texts = try TextSource.read(values)
        var session = try ModelSession(values)
        let task = try values[EmbedOptions.adapter].map { try session.load($0, values) }
        try session.model.embed(texts, task: task, each: line) { print($0.joined(separator: "\n")) }
    }

    private static func line(_ text: TextInput, _ embedding: [Float]) -> String {
        var fields: [(name: String, value: JSONText)] = [("text", .string(text.text))]
        if let pair = text.pair { fields.append(("text_pair", .string(pair))) }
        fields.append(("embedding", .array(embedding.map { .float($0) })))
        return JSONText.object(fields).line
    }
}
