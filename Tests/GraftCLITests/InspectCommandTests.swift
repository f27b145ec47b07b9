import Foundation
import Testing

@Suite struct InspectCommandTests {
    @Test func showsAModel() throws {
        let place = try Workplace()
        let facts = try #require(try place.graft("inspect", "base", "--json").objects().first)
        #expect(facts["kind"] as? String == "model")
        #expect(facts["layers"] as? Int == 3)
        #expect(facts["hidden_size"] as? Int == 32)
        #expect(facts["pooling"] as? String == "mean")
        #expect(facts["normalized"] as? Bool == true)
        #expect((facts["fingerprint"] as? String)?.count == 64)
        #expect((facts["tensor_list"] as? [Any])?.count == facts["tensors"] as? Int)
        let run = try place.graft("inspect", "base")
        #expect(run.code == 0)
        #expect(run.errors == "")
        #expect(run.lines.first == "kind               model")
        #expect(run.lines.contains("embeddings.word_embeddings.weight                  F32   120 × 32"))
    }

    @Test func showsTheModulesOfAModel() throws {
        let place = try Workplace()
        try place.lay("pooling/prompts", over: "base")
        let facts = try #require(try place.graft("inspect", "base", "--json").objects().first)
        #expect(
            facts["modules"] as? [String] == [
                "Transformer", "Pooling cls+weightedmean+lasttoken+mean, prompt left out", "Normalize",
            ])
        #expect(facts["embedding_size"] as? Int == 128)
        #expect(facts["max_seq_length"] as? Int == 20)
        #expect(facts["prompts"] as? [String: String] == ["query": "The good player: ", "passage": "data "])
        #expect(facts["default_prompt"] as? String == "query")
        try place.lay("pooling/dense", over: "base")
        let run = try place.graft("inspect", "base")
        let expected =
            "Transformer, Pooling cls+max+mean+mean_sqrt_len_tokens+weightedmean+lasttoken, Dropout, "
            + "Dense 192 → 24, tanh, LayerNorm, Dense 24 → 16, gelu, Normalize, Dense 16 → 20, identity"
        #expect(run.lines.contains("modules            " + expected), "\(run.output)")
    }

    @Test func showsAnAdapterAndItsBase() throws {
        let place = try Workplace.withAdapter()
        let facts = try #require(try place.graft("inspect", "adapter", "--json").objects().first)
        #expect(facts["kind"] as? String == "adapter")
        #expect(facts["method"] as? String == "lora")
        #expect(facts["base_model"] as? String == "base")
        #expect(facts["rank"] as? Int == 8)
        #expect(facts["targets"] as? [String] == ["query", "value"])
        #expect(facts["labels"] as? [String] == ["business", "sport"])
        #expect(facts["parameters"] as? Int == 3072)
        let base = try #require(try place.graft("inspect", "base", "--json").objects().first)
        #expect(facts["base_fingerprint"] as? String == base["fingerprint"] as? String)
        let run = try place.graft("inspect", "adapter")
        #expect(run.lines.contains("labels            business, sport"), "\(run.output)")
    }

    @Test func showsAFile() throws {
        let place = try Workplace.withAdapter()
        let run = try place.graft("inspect", "adapter/head.safetensors", "--json")
        #expect(
            run.output == """
                {"kind":"safetensors","tensors":2,"parameters":66,"tensor_bytes":264,"metadata":{"format":"pt"},\
                "tensor_list":[{"name":"bias","type":"F32","shape":[2]},{"name":"weight","type":"F32","shape":[2,32]}]}

                """)
        let text = try place.graft("inspect", "adapter/head.safetensors")
        #expect(text.lines.suffix(2).map { $0.prefix(6) } == ["bias  ", "weight"])
    }

    @Test func saysWhatIsNoneOfThese() throws {
        let place = try Workplace()
        let missing = try place.graft("inspect", "nothing")
        #expect(missing.code == 1)
        #expect(missing.errors.hasPrefix("graft inspect: there is no file or folder "))
        let folder = try place.graft("inspect", ".")
        #expect(folder.code == 1)
        #expect(folder.errors.contains("is neither a model folder (config.json) nor an adapter folder"))
        let file = try place.graft("inspect", "train.jsonl")
        #expect(file.code == 1)
        #expect(file.errors.contains("train.jsonl: the header claims "), "\(file.errors)")
        #expect(try place.graft("inspect").code == 2)
    }
}
