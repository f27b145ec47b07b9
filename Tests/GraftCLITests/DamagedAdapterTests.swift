import Foundation
import Safetensors
import TestSupport
import Testing

/// Adapter folders that are not as they should be, or not for this base.
@Suite struct DamagedAdapterTests {
    private static let tensor = "base_model.model.encoder.layer.0.attention.self.query.lora_A.weight"

    private func refusal(_ damage: (Workplace) throws -> Void) throws -> String {
        let place = try Workplace.withAdapter()
        try damage(place)
        let run = try place.graft("predict", "--model", "base", "--adapter", "adapter", "a goal")
        #expect(run.code == 1)
        #expect(run.output == "")
        #expect(run.errors.count { $0 == "\n" } == 1, "one line: \(run.errors)")
        #expect(run.errors.hasPrefix("graft predict: "))
        return run.errors
    }

    @Test func missingFiles() throws {
        let folder = try refusal { try $0.remove("adapter") }
        #expect(folder.contains("adapter; an adapter folder is one that graft train or PEFT wrote"))
        let weights = try refusal { try $0.remove("adapter/adapter_model.safetensors") }
        #expect(weights.contains("adapter/adapter_model.safetensors: No such file or directory"))
        // Without this the head would answer on the bare encoder, and nobody would know.
        let configuration = try refusal { try $0.remove("adapter/adapter_config.json") }
        #expect(configuration.contains("adapter has adapter_model.safetensors but no adapter_config.json"))
        let head = try refusal { try $0.remove("adapter/head.safetensors") }
        #expect(head.contains("adapter/head.safetensors: No such file or directory"))
        let model = try refusal {
            try $0.remove("adapter")
            try FileManager.default.copyItem(at: $0["base"], to: $0["adapter"])
        }
        #expect(model.contains("it has neither adapter_config.json nor head_config.json"))
    }

    @Test func aFolderWithoutAHeadEmbedsButDoesNotPredict() throws {
        let place = try Workplace.withAdapter()
        let whole = try place.graft("embed", "--model", "base", "--adapter", "adapter", "a goal")
        try place.remove("adapter/head_config.json")
        try place.remove("adapter/head.safetensors")
        for command in ["predict", "evaluate"] {
            let rest = command == "predict" ? ["a goal"] : ["--data", "eval.jsonl"]
            let run = try Program.run([command, "--model", "base", "--adapter", "adapter"] + rest, in: place[""])
            #expect(run.code == 1)
            #expect(run.errors.contains("the adapter 'adapter' has no head with label names, so it can embed but not"))
        }
        let headless = try place.graft("embed", "--model", "base", "--adapter", "adapter", "a goal")
        #expect(headless.code == 0)
        #expect(headless.output == whole.output)
        let merge = try place.graft("merge", "--model", "base", "--adapter", "adapter", "--output", "merged")
        #expect(merge.code == 0, "\(merge.errors)")
        #expect(merge.output.contains("no head"))
    }

    @Test func truncatedAndHostileFiles() throws {
        let cut = try refusal { try $0.cut("adapter/adapter_model.safetensors", to: 5000) }
        #expect(cut.contains("adapter_model.safetensors: the tensors take 12288 bytes but "))
        let short = try refusal { try $0.cut("adapter/adapter_model.safetensors", to: 3) }
        #expect(short.contains("adapter_model.safetensors: the file has 3 bytes, too few for"))
        let head = try refusal { try $0.cut("adapter/head.safetensors", to: 100) }
        #expect(head.contains("head.safetensors: the header claims 152 bytes but 92 follow"))
        let hostile = try refusal {
            try Data([0, 0, 0, 0, 0, 1, 0, 0]).write(to: $0["adapter/adapter_model.safetensors"])
        }
        #expect(hostile.contains("adapter_model.safetensors: the header claims 1099511627776 bytes; the limit is"))
        let configuration = try refusal { try $0.cut("adapter/adapter_config.json", to: 30) }
        #expect(configuration.contains("adapter_config.json is not JSON"))
    }

    @Test func tensorsThatAreUnknownMissingOrMisshapen() throws {
        let unknown = try refusal {
            try $0.rewrite("adapter/adapter_model.safetensors") { name, shape, values in
                name == Self.tensor ? (name.replacing("query", with: "key"), shape, values) : (name, shape, values)
            }
        }
        #expect(unknown.contains("has no tensor '\(Self.tensor)'"), "\(unknown)")
        let extra = try refusal {
            try $0.replace(
                "\"layers_to_transform\" : null", with: "\"layers_to_transform\" : [0, 1]",
                in: "adapter/adapter_config.json")
        }
        #expect(extra.contains("has the tensor 'base_model.model.encoder.layer.2.attention.self.query.lora_A.weight'"))
        let missing = try refusal {
            try $0.rewrite("adapter/adapter_model.safetensors") { name, shape, values in
                name == Self.tensor ? nil : (name, shape, values)
            }
        }
        #expect(missing.contains("has no tensor '\(Self.tensor)', which adapter_config.json asks for; the nearest is"))
        let rank = try refusal { try $0.replace("\"r\" : 8", with: "\"r\" : 4", in: "adapter/adapter_config.json") }
        #expect(rank.contains("tensor '\(Self.tensor)' has shape [8, 32], expected [4, 32]"))
        let head = try refusal {
            try $0.rewrite("adapter/head.safetensors") { name, shape, values in
                name == "bias" ? (name, [3], values + [0]) : (name, shape, values)
            }
        }
        #expect(head.contains("tensor 'bias' has shape [3], the labels and the encoder ask for [2]"))
    }

    @Test func numbersThatAreNone() throws {
        for (file, tensor) in [("adapter_model", Self.tensor), ("head", "weight")] {
            let words = try refusal {
                try $0.rewrite("adapter/\(file).safetensors") { name, shape, values in
                    (name, shape, name == tensor ? [.nan, .infinity] + values.dropFirst(2) : values)
                }
            }
            #expect(words.contains("\(file).safetensors: tensor '\(tensor)' has 2 numbers infinite or not a number"))
        }
    }

    @Test func aTargetThatMatchesNothing() throws {
        let words = try refusal { try $0.replace("\"query\"", with: "\"qurey\"", in: "adapter/adapter_config.json") }
        #expect(
            words.contains(
                "adapter/adapter_config.json: 'qurey' matches no module of this encoder that can be adapted; the nearest is 'query'"
            ), "\(words)")
        #expect(words.contains("attention.self.query"), "\(words)")
    }

    @Test func anotherBaseIsRefusedUnlessAllowed() throws {
        let place = try Workplace.withAdapter()
        let other = try Fixtures.copyOfTinyEncoder(changing: "encoder.layer.2.output.dense.weight")
        let words = ["predict", "--model", other.url.path(percentEncoded: false), "--adapter", "adapter", "a goal"]
        let refused = try Program.run(words, in: place[""])
        #expect(refused.code == 1)
        #expect(refused.output == "")
        #expect(
            refused.errors.contains(
                /adapter was trained on the base 'base' with fingerprint [0-9a-f]{16}…, this model has [0-9a-f]{16}…;/),
            "\(refused.errors)")
        #expect(refused.errors.contains("--allow-other-base"))
        let allowed = try Program.run(words + ["--allow-other-base"], in: place[""])
        #expect(allowed.code == 0, "\(allowed.errors)")
        #expect(allowed.lines.count == 1)
    }
}
