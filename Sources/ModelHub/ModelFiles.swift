import Foundation

/// Which files of a repository an encoder needs, and whether a folder has them.
enum ModelFiles {
    static let configuration = "config.json"
    static let weights = "model.safetensors"
    static let weightsIndex = "model.safetensors.index.json"
    private static let modules = "modules.json"

    /// The files of a tokenizer, of which one group has to be there whole.
    private static let tokenizers: [[String]] = [
        ["tokenizer.json"], ["vocab.txt"], ["vocab.json", "merges.txt"], ["spiece.model"], ["spm.model"],
        ["sentencepiece.bpe.model"], ["tokenizer.model"],
    ]

    private static let plain = Set(tokenizers.joined()).union([
        configuration, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", modules,
        "config_sentence_transformers.json", "README.md",
        // The head of a model that Graft merged.
        "head_config.json", "head.safetensors",
    ]).union(
        // Of the names that sentence-transformers has given to one file over the years, that of the model's family.
        ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]
            .map { "sentence_\($0)_config.json" })

    /// Of the files at `paths`, those to fetch: configuration, tokenizer, the modules of sentence-transformers
    /// (`1_Pooling/config.json`, `2_Dense/model.safetensors`), and the weights, as one file if there is one, else the
    /// index; which shards belong to it is for the index to say.
    static func needed(among paths: Set<String>) -> Set<String> {
        paths.filter { path in
            plain.contains(path) || path == weights || path == weightsIndex && !paths.contains(weights)
                || path.wholeMatch(of: /\d+_\w+\/(config\.json|model\.safetensors)/) != nil
        }
    }

    /// The modules among `paths` whose weights are there in PyTorch's format alone: `2_Dense/pytorch_model.bin`.
    static func unreadableModules(among paths: Set<String>) -> [String] {
        paths.filter { path in
            guard let match = path.wholeMatch(of: /(\d+_\w+)\/pytorch_model\.bin/) else { return false }
            return !paths.contains("\(match.1)/\(weights)")
        }.sorted()
    }

    /// Throws what the set of paths lacks to be an encoder that Graft can run.
    static func check(_ paths: Set<String>, of model: ModelName) throws(ModelHubError) {
        guard paths.contains(configuration) else {
            throw .missingFile(model: "\(model)", expected: configuration, advice: "it is no encoder of transformers")
        }
        guard tokenizers.contains(where: { $0.allSatisfy(paths.contains) }) else {
            throw .missingFile(
                model: "\(model)", expected: "tokenizer.json",
                advice: "nor any of "
                    + tokenizers.dropFirst().map { $0.joined(separator: " with ") }.joined(separator: ", "))
        }
        guard !paths.contains(weights), !paths.contains(weightsIndex) else { return }
        let others = paths.filter(isOtherWeights).sorted()
        guard !others.isEmpty else { throw .missingFile(model: "\(model)", expected: weights, advice: nil) }
        throw .noSafetensors(
            model: "\(model)", found: others, isSentenceTransformer: paths.contains(modules))
    }

    /// Whether `path` holds an encoder's weights in a format that is not read.
    private static func isOtherWeights(_ path: String) -> Bool {
        path.wholeMatch(of: /pytorch_model(-\d+-of-\d+)?\.bin|tf_model(-\d+-of-\d+)?\.h5|flax_model\.msgpack/) != nil
    }

    /// The shards that an index names.
    ///
    /// - Throws: `unexpectedAnswer` for a file that is no index, or that names files outside of its folder.
    static func shards(namedBy index: URL) throws(ModelHubError) -> Set<String> {
        struct Index: Decodable { let weight_map: [String: String] }
        let data = try ModelHubError.wrapping("read", index) { try Data(contentsOf: index) }
        let names: Set<String>
        do { names = try Set(JSONDecoder().decode(Index.self, from: data).weight_map.values) } catch {
            throw .unexpectedAnswer(address: weightsIndex, expected: "JSON with a \"weight_map\" of tensors to files")
        }
        guard !names.isEmpty, names.allSatisfy({ $0.wholeMatch(of: /\w[\w.-]*\.safetensors/) != nil }) else {
            throw .unexpectedAnswer(address: weightsIndex, expected: "names of .safetensors files beside it")
        }
        return names
    }

    /// Whether `folder` holds a whole encoder: configuration, tokenizer, weights with all the shards of an index, and
    /// what the modules of sentence-transformers are configured by.
    static func isComplete(_ folder: URL) -> Bool {
        func has(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
        }
        guard has(configuration), tokenizers.contains(where: { $0.allSatisfy(has) }) else { return false }
        // What cannot be read makes no whole encoder.
        do {
            guard try has(weights) || shards(namedBy: folder.appendingPathComponent(weightsIndex)).allSatisfy(has)
            else { return false }
            guard has(modules) else { return true }
            struct Module: Decodable { let path, type: String }
            let list = try Data(contentsOf: folder.appendingPathComponent(modules))
            return try JSONDecoder().decode([Module].self, from: list).allSatisfy { module in
                let isConfigured = module.type.hasSuffix(".Pooling") || module.type.hasSuffix(".Dense")
                return !isConfigured || has("\(module.path)/config.json")
            }
        } catch { return false }
    }
}
