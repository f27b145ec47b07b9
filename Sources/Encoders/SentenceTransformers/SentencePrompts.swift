import Files
import Foundation

/// Texts that stand before the texts to embed: what sentence-transformers keeps in `config_sentence_transformers.json`.
public struct SentencePrompts: Sendable, Equatable {
    /// The prompts by name. `query` and `document` are always there, empty where the folder has none.
    public let byName: [String: String]
    /// The name of the prompt that is used where none is asked for.
    public let defaultName: String?

    static let fileName = "config_sentence_transformers.json"

    /// The given prompts. `defaultName` is one of theirs.
    public init(_ prompts: [String: String] = [:], defaultName: String? = nil) {
        byName = prompts.merging(["query": "", "document": ""]) { given, _ in given }
        self.defaultName = defaultName
        if let defaultName { precondition(byName[defaultName] != nil, "the default prompt is one of the prompts") }
    }

    /// Reads the folder of a model; one without the file has no prompts.
    init(contentsOf folder: URL) throws(JSONFieldsError) {
        let url = folder.appending(path: SentencePrompts.fileName)
        guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else {
            self.init()
            return
        }
        let fields = try JSONFields(contentsOf: url)
        _ = try fields.choice(
            "model_type", default: "SentenceTransformer", of: [("SentenceTransformer", ())])
        var prompts: [String: String] = [:]
        if let value = fields.value("prompts") {
            guard let found = value as? [String: Any] else {
                throw fields.invalid("prompts", value, "names with texts")
            }
            for (name, prompt) in found {
                if let text = prompt as? String {
                    prompts[name] = text
                } else if prompt is NSNull {
                    prompts[name] = ""
                } else {
                    throw fields.invalid("prompts.\(name)", prompt, "text")
                }
            }
        }
        let defaultName = try fields.text("default_prompt_name")
        let names = Set(prompts.keys).union(["query", "document"]).sorted()
        if let defaultName {
            try fields.check(
                "default_prompt_name", defaultName, "one of \(names.joined(separator: ", "))",
                names.contains(defaultName))
        }
        self.init(prompts, defaultName: defaultName)
    }

    /// The prompt that is used where none is asked for; empty for none.
    public var standard: String { defaultName.flatMap { byName[$0] } ?? "" }
}
