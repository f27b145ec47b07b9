import Foundation
import Testing

/// Model folders that are not as they should be: each is refused by what is wrong, and where.
@Suite struct DamagedModelTests {
    private func refusal(_ damage: (Workplace) throws -> Void) throws -> String {
        let place = try Workplace()
        try damage(place)
        let run = try place.graft("embed", "--model", "base", "a goal")
        #expect(run.code == 1)
        #expect(run.output == "")
        #expect(run.errors.count { $0 == "\n" } == 1, "one line: \(run.errors)")
        #expect(run.errors.hasPrefix("graft embed: "))
        return run.errors
    }

    @Test func missingFiles() throws {
        let noConfig = try refusal { try $0.remove("base/config.json") }
        #expect(noConfig.contains("base/config.json cannot be read: No such file or directory"), "\(noConfig)")
        let noWeights = try refusal { try $0.remove("base/model.safetensors") }
        #expect(noWeights.contains("base: neither model.safetensors nor model.safetensors.index.json is here"))
        let noTokenizer = try refusal {
            try $0.remove("base/tokenizer.json")
            try $0.remove("base/vocab.txt")
        }
        #expect(noTokenizer.contains("has no tokenizer: expected tokenizer.json or vocab.txt"))
        let noModel = try refusal { try $0.remove("base") }
        #expect(noModel.contains("base is neither a folder nor a model in a cache"), "\(noModel)")
    }

    @Test func configurationsThatCannotBeRun() throws {
        let family = try refusal { try $0.replace("\"bert\"", with: "\"gpt2\"", in: "base/config.json") }
        #expect(family.contains("config.json: field 'model_type' is gpt2, expected bert, distilbert, roberta"))
        let width = try refusal {
            try $0.replace("\"hidden_size\": 32", with: "\"hidden_size\": 64", in: "base/config.json")
        }
        #expect(width.contains("tensor 'embeddings.word_embeddings.weight' has shape [120, 32], config.json asks for"))
        let heads = try refusal {
            try $0.replace("\"num_attention_heads\": 4", with: "\"num_attention_heads\": 5", in: "base/config.json")
        }
        #expect(heads.contains("'num_attention_heads' is 5, expected a divisor of hidden_size 32"))
        let damaged = try refusal { try $0.cut("base/config.json", to: 20) }
        #expect(damaged.contains("config.json is not JSON; it may be damaged, so fetch or write it again"))
        let vocabulary = try refusal { try $0.replace("{", with: "[", in: "base/tokenizer.json") }
        #expect(vocabulary.contains("tokenizer.json"))
    }

    @Test func pairsWhereTheEncoderHasOneSegment() throws {
        let place = try Workplace()
        try place.replace("\"type_vocab_size\": 2", with: "\"type_vocab_size\": 1", in: "base/config.json")
        try place.rewrite("base/model.safetensors") { tensor, shape, values in
            tensor == "embeddings.token_type_embeddings.weight"
                ? (tensor, [1, shape[1]], Array(values[..<shape[1]])) : (tensor, shape, values)
        }
        #expect(try place.graft("embed", "--model", "base", "a goal").code == 0)
        try place.write("pair.jsonl", #"{"text": "a goal", "text_pair": "the bank"}"# + "\n")
        let pair = try place.graft("embed", "--model", "base", "--input", "pair.jsonl")
        #expect(pair.code == 1)
        #expect(pair.errors.contains("this model takes no pairs: its tokenizer puts a second text into segment 1"))
    }

    @Test func tensorsThatAreMissingOrMisshapen() throws {
        let name = "encoder.layer.1.attention.self.key.weight"
        let missing = try refusal {
            try $0.rewrite("base/model.safetensors") { tensor, shape, values in
                tensor == name ? nil : (tensor, shape, values)
            }
        }
        #expect(missing.contains("has no tensor '\(name)'; the nearest is '"), "\(missing)")
        let misshapen = try refusal {
            try $0.rewrite("base/model.safetensors") { tensor, shape, values in
                tensor == name ? (tensor, [16, 64], values) : (tensor, shape, values)
            }
        }
        #expect(misshapen.contains("tensor '\(name)' has shape [16, 64], config.json asks for [32, 32]"))
    }

    @Test func truncatedAndHostileWeights() throws {
        let half = try refusal { try $0.cut("base/model.safetensors", to: 100_000) }
        #expect(half.contains("model.safetensors: the tensors take 130816 bytes but 94360 are there"))
        let header = try refusal { try $0.cut("base/model.safetensors", to: 1000) }
        #expect(header.contains("the file was cut short or is not safetensors"))
        let empty = try refusal { try $0.cut("base/model.safetensors", to: 0) }
        #expect(empty.contains("the file has 0 bytes, too few for the header's length (8 bytes)"))
        let huge = try refusal {
            try Data([UInt8](repeating: 0xff, count: 7) + [0x7f] + Array("{}".utf8))
                .write(to: $0["base/model.safetensors"])
        }
        #expect(huge.contains("the header claims 9223372036854775807 bytes; the limit is 100000000"))
        let overlapping = try refusal {
            let header = """
                {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],\
                "data_offsets":[2,6]}}
                """
            let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            try (length + Data(header.utf8) + Data(count: 6)).write(to: $0["base/model.safetensors"])
        }
        #expect(overlapping.contains("tensor \"b\" begins at byte 2, inside the tensor before it, which ends at 4"))
    }
}
