import Foundation

/// Which files of a repository an encoder needs, and whether a folder has them.
enum ModelFiles {
    static let weights = "model.safetensors"
    static let weightsIndex = "model.safetensors.index.json"

    private static let plain: Set<String> = [
        "config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt",
        "special_tokens_map.json", "added_tokens.json", "modules.json", "sentence_bert_config.json",
        "config_sentence_transformers.json", "README.md",
    ]

    /// Whether the file at `path` is one to fetch: configuration, tokenizer, the modules of sentence-transformers
    /// (`1_Pooling/config.json`, `2_Dense/model.safetensors`), and the weights, as one file if there is one, else in shards.
    static func isNeeded(_ path: String, hasSingleFile: Bool) -> Bool {
        if plain.contains(path) || path == weights { return true }
        if path == weightsIndex || path.wholeMatch(of: /model-\d{5}-of-\d{5}\.safetensors/) != nil {
            return !hasSingleFile
        }
        return path.wholeMatch(of: /\d+_[A-Za-z]+\/(config\.json|model\.safetensors)/) != nil
    }

    /// What the set of paths lacks to be an encoder, nil if nothing.
    static func missing(among paths: Set<String>) -> (file: String, advice: String?)? {
        if !paths.contains("config.json") { return ("config.json", nil) }
        if !paths.contains("tokenizer.json") && !paths.contains("vocab.txt") {
            return ("tokenizer.json or vocab.txt", nil)
        }
        if !paths.contains(weights) && !paths.contains(weightsIndex) {
            let hasOthers = paths.contains("pytorch_model.bin")
            return (weights, hasOthers ? "it has pytorch_model.bin, which has to be converted to safetensors" : nil)
        }
        return nil
    }

    /// Whether `folder` holds a whole encoder: every file that `missing` asks for, and all the shards of an index.
    static func isComplete(_ folder: URL) -> Bool {
        let manager = FileManager.default
        func has(_ name: String) -> Bool { manager.fileExists(atPath: folder.appendingPathComponent(name).path) }
        let candidates = ["config.json", "tokenizer.json", "vocab.txt", weights, weightsIndex]
        guard missing(among: Set(candidates.filter(has))) == nil else { return false }
        if has(weights) { return true }
        struct Index: Decodable { let weight_map: [String: String] }
        do {
            let data = try Data(contentsOf: folder.appendingPathComponent(weightsIndex))
            return try Set(JSONDecoder().decode(Index.self, from: data).weight_map.values).allSatisfy(has)
        } catch { return false }  // an unreadable index makes no whole encoder
    }
}
