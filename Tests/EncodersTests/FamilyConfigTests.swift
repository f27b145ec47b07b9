import Encoders
import Foundation
import Testing
import TestSupport

/// Fields of `config.json` that change what an encoder computes: honoured, or refused by name.
@Suite struct FamilyConfigTests {
    /// The config of a fixture with one field changed to a JSON value, or taken away by nil.
    private func config(_ family: String, _ field: String, _ value: String?) throws -> EncoderConfig {
        let folder = try TemporaryFolder()
        let source = Fixtures.url("families/\(family)/config.json")
        let found = try JSONSerialization.jsonObject(with: Data(contentsOf: source))
        var fields = try #require(found as? [String: Any])
        fields[field] = try value.map {
            try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
        }
        try JSONSerialization.data(withJSONObject: fields).write(to: folder.appending("config.json"))
        return try EncoderConfig(contentsOf: folder.url)
    }

    @Test(arguments: [
        ("bert", "is_decoder", "true"), ("bert", "position_embedding_type", "\"relative_key\""),
        ("bert", "hidden_act", "\"mish\""), ("bert", "num_attention_heads", "3"), ("bert", "hidden_size", "null"),
        ("roberta", "position_embedding_type", "\"relative_key_query\""),
        ("xlm-roberta", "is_decoder", "true"), ("camembert", "max_position_embeddings", "2"),
        ("electra", "position_embedding_type", "\"relative_key\""), ("distilbert", "activation", "\"mish\""),
        ("distilbert", "n_heads", "3"), ("mpnet", "relative_attention_num_buckets", "64"),
        ("albert", "inner_group_num", "2"), ("albert", "num_hidden_groups", "4"),
        ("albert", "position_embedding_type", "\"relative_key\""),
        ("deberta-v3", "conv_kernel_size", "3"), ("deberta-v3", "relative_attention", "false"),
        ("deberta-v3", "pos_att_type", "\"c2p|p2p\""), ("deberta-v3", "pos_att_type", "null"),
        ("deberta-v3", "norm_rel_ebd", "\"batch_norm\""), ("deberta-v3", "embedding_size", "12"),
        ("deberta-v3", "attention_head_size", "8"), ("deberta-v3", "position_buckets", "1"),
        ("modernbert", "rope_scaling", #"{"rope_type": "yarn", "factor": 4}"#),
        ("modernbert", "rope_parameters", #"{"rope_theta": 1000}"#),
        (
            "modernbert", "rope_parameters",
            #"{"full_attention": {"rope_theta": 9, "rope_type": "linear"}, "sliding_attention": {"rope_theta": 9}}"#
        ),
        ("modernbert", "layer_types", #"["full_attention", "full_attention", "sliding_attention"]"#),
        ("modernbert", "hidden_activation", "\"mish\""), ("modernbert", "num_attention_heads", "4"),
        ("t5", "feed_forward_proj", "\"gated-mish\""), ("t5", "feed_forward_proj", "\"swish-gelu\""),
        ("t5", "relative_attention_num_buckets", "30"), ("t5", "d_kv", "null"),
        ("t5", "relative_attention_max_distance", "8"), ("deberta-v3", "max_relative_positions", "9"),
    ])
    func whatIsNotSupportedIsRefusedByName(family: String, field: String, value: String) throws {
        let error = #expect(throws: EncoderError.self) { try config(family, field, value) }
        switch error {
        case .configuration(.invalidField(_, field, _, _)), .configuration(.missingField(_, field)): break
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test func anUnknownFamilyIsRefusedWithThoseThatThereAre() throws {
        let error = #expect(throws: EncoderError.self) { try config("bert", "model_type", "\"gpt2\"") }
        guard case .configuration(.invalidField(_, "model_type", "gpt2", let expected)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(EncoderFamily.all.allSatisfy { expected.contains($0.modelType) })
    }

    /// transformers 5 writes the same encoder in other words.
    @Test func modernBERTsOfNewerVersionsAreTheSame() throws {
        let old = try config("modernbert", "rope_scaling", "null")
        let kinds = #"["full_attention", "sliding_attention", "full_attention"]"#
        #expect(try config("modernbert", "layer_types", kinds) == old)
        let local = #""sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}"#
        let rotations = #"{"full_attention": {"rope_theta": 160000.0, "rope_type": "default"}, \#(local)}"#
        #expect(try config("modernbert", "rope_parameters", rotations) == old)
        #expect(try config("modernbert", "rope_parameters", rotations.replacing("160000.0", with: "1000")) != old)
        #expect(try config("modernbert", "local_rope_theta", "null") != old)
        #expect(try config("modernbert", "local_rope_theta", nil) == old)
    }

    @Test(arguments: [
        ("bert", "layer_norm_eps", "0.1"), ("bert", "hidden_act", "\"gelu_new\""), ("roberta", "pad_token_id", "3"),
        ("electra", "embedding_size", "20"), ("albert", "num_hidden_groups", "3"),
        ("deberta-v3", "share_att_key", "false"), ("deberta-v3", "position_buckets", "-1"),
        ("deberta-v3", "max_relative_positions", "100"), ("deberta-v3", "norm_rel_ebd", "\"none\""),
        ("deberta-v3", "pos_att_type", "[\"c2p\"]"), ("deberta-v3", "position_biased_input", "true"),
        ("modernbert", "norm_bias", "true"), ("modernbert", "attention_bias", "true"),
        ("modernbert", "mlp_bias", "true"), ("modernbert", "local_attention", "20"),
        ("modernbert", "global_attn_every_n_layers", "3"), ("modernbert", "global_rope_theta", "1000"),
        ("t5", "feed_forward_proj", "\"gated-relu\""), ("t5", "relative_attention_max_distance", "64"),
        ("t5", "layer_norm_epsilon", "0.1"), ("t5", "d_kv", "10"),
    ])
    func whatIsSupportedIsHeeded(family: String, field: String, value: String) throws {
        let plain = try EncoderConfig(contentsOf: Fixtures.url("families/\(family)"))
        #expect(try config(family, field, value) != plain)
    }
}
