import Encoders
import Foundation
import Testing
import TestSupport

/// What folders of sentence-transformers say, and what is refused in them.
@Suite struct SentenceModulesTests {
    private func read(_ folder: TemporaryFolder) throws -> SentenceModules {
        try SentenceModules(contentsOf: folder.url, hiddenSize: 32)
    }

    private func write(_ text: String, to path: String, in folder: TemporaryFolder) throws {
        let url = folder.appending(path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    @Test func readsModulesOfEveryKindInTheirOrder() throws {
        let modules = try read(Fixtures.copyOfTinyEncoder(under: "pooling/dense"))
        #expect(
            modules.descriptions == [
                "Transformer", "Pooling cls+max+mean+mean_sqrt_len_tokens+weightedmean+lasttoken", "Dropout",
                "Dense 192 → 24, tanh", "LayerNorm", "Dense 24 → 16, gelu", "Normalize", "Dense 16 → 20, identity",
            ])
        #expect(modules.width == 20)
        #expect(!modules.normalizes)
        #expect(modules.maximumTokens == nil)
        #expect(modules.prompts == SentencePrompts())
    }

    @Test func readsPromptsAndLimits() throws {
        let modules = try read(Fixtures.copyOfTinyEncoder(under: "pooling/prompts"))
        #expect(modules.prompts.byName == ["query": "The good player: ", "passage": "data ", "document": ""])
        #expect(modules.prompts.standard == "The good player: ")
        #expect(modules.maximumTokens == 20)
        #expect(modules.pooling.modes == [.cls, .weightedMean, .lastToken, .mean])
        #expect(!modules.pooling.includesPrompt)
        #expect(modules.normalizes)
    }

    @Test func readsTheFlagsOfOlderFoldersInTheirOrder() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "encoder/pooling-cls")
        #expect(try read(folder).pooling == .cls)
        try write(
            #"{"pooling_mode_mean_tokens": true, "pooling_mode_lasttoken": true, "pooling_mode_cls_token": true}"#,
            to: "1_Pooling/config.json", in: folder)
        #expect(try read(folder).pooling.modes == [.cls, .mean, .lastToken])
        try write(#"{"word_embedding_dimension": 32}"#, to: "1_Pooling/config.json", in: folder)
        #expect(try read(folder).pooling == .mean)
    }

    @Test func aFolderWithoutModulesIsPooledByMeanAndNothingElse() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/prompts")
        try FileManager.default.removeItem(at: folder.appending("modules.json"))
        let modules = try read(folder)
        #expect(modules.pooling == .mean)
        #expect(modules.layers.isEmpty)
        #expect(modules.maximumTokens == nil)
    }

    @Test func theFirstFileThatSaysHowTextsAreReadCounts() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/dense")
        try write("{}", to: "sentence_bert_config.json", in: folder)
        try write(
            #"{"max_seq_length": 30, "do_lower_case": true}"#, to: "sentence_roberta_config.json", in: folder)
        let modules = try read(folder)
        #expect(modules.maximumTokens == 30)
        #expect(modules.lowercases)
    }

    static let refusals: [(file: String, text: String, error: String)] = [
        ("modules.json", "{}", "does not hold a JSON list of objects"),
        ("modules.json", "[]", "expected a Transformer, a Pooling, and then any of Dense"),
        (
            "modules.json", module("", "Transformer") + module("1_Pooling", "WeightedLayerPooling"),
            "'type' is sentence_transformers.models.WeightedLayerPooling, expected one of"
        ),
        (
            "modules.json", module("", "Transformer") + module("1_Pooling", "Pooling") + module("2_CNN", "CNN"),
            "'type' is sentence_transformers.models.CNN, expected one of sentence_transformers' Transformer, Pooling"
        ),
        (
            "modules.json", module("", "Transformer") + module("2_Dense", "Dense") + module("1_Pooling", "Pooling"),
            "'type' is Transformer, Dense, Pooling, expected a Transformer, a Pooling, and then"
        ),
        (
            "modules.json", #"[{"path": "", "type": "custom_st.Transformer"}]"#,
            "'type' is custom_st.Transformer, expected one of"
        ),
        ("modules.json", module("0_Transformer", "Transformer"), "'path' is 0_Transformer, expected empty"),
        (
            "modules.json", module("", "Transformer") + module("../1_Pooling", "Pooling"),
            "'path' is ../1_Pooling, expected a folder within the model's"
        ),
        (
            "1_Pooling/config.json", #"{"pooling_mode": "attention"}"#,
            #"'pooling_mode' is ["attention"], expected one or several of cls, max, mean, mean_sqrt_len_tokens"#
        ),
        (
            "1_Pooling/config.json", #"{"pooling_mode_first_and_last": true}"#,
            "'pooling_mode_first_and_last' is true, expected no such field"
        ),
        (
            "3_Dense/config.json", dense(inputs: 128),
            "'in_features' is 128, expected 192, the width of what the module before gives"
        ),
        (
            "3_Dense/config.json", dense(outputs: 12),
            "tensor 'linear.weight' has shape [24, 192], config.json asks for"
        ),
        (
            "3_Dense/config.json", dense(function: "torch.nn.modules.activation.Softshrink"),
            "'activation_function' is torch.nn.modules.activation.Softshrink, expected torch.nn.modules.activation."
        ),
        (
            "3_Dense/config.json", dense(function: "my_code.Tanh"), "'activation_function' is my_code.Tanh, expected"
        ),
        (
            "3_Dense/config.json", dense(rest: #", "module_input_name": "token_embeddings""#),
            "'module_input_name' is token_embeddings, expected sentence_embedding"
        ),
        (
            "3_Dense/config.json", dense(rest: #", "bias": false"#),
            "has the tensor 'linear.bias', expected only linear.weight"
        ),
        ("4_LayerNorm/config.json", #"{"dimension": 16}"#, "'dimension' is 16, expected 24"),
        (
            "sentence_bert_config.json", #"{"transformer_task": "text-generation"}"#,
            "'transformer_task' is text-generation, expected feature-extraction"
        ),
        (
            "sentence_bert_config.json", #"{"model_args": {"is_decoder": true}}"#,
            "'model_args.is_decoder' is true, expected no such argument"
        ),
        ("sentence_bert_config.json", #"{"max_seq_length": 0}"#, "'max_seq_length' is 0, expected a whole number"),
        (
            "config_sentence_transformers.json", #"{"default_prompt_name": "question"}"#,
            "'default_prompt_name' is question, expected one of document, query"
        ),
        ("config_sentence_transformers.json", #"{"prompts": {"query": 1}}"#, "'prompts.query' is 1, expected text"),
        (
            "config_sentence_transformers.json", #"{"model_type": "SparseEncoder"}"#,
            "'model_type' is SparseEncoder, expected SentenceTransformer"
        ),
    ]

    private static func module(_ path: String, _ kind: String) -> String {
        #"{"path": "\#(path)", "type": "sentence_transformers.models.\#(kind)"}"#
    }

    private static func dense(
        inputs: Int = 192, outputs: Int = 24, function: String = "torch.nn.modules.activation.Tanh", rest: String = ""
    ) -> String {
        #"{"in_features": \#(inputs), "out_features": \#(outputs), "activation_function": "\#(function)"\#(rest)}"#
    }

    @Test(arguments: refusals) func refusesByName(file: String, text: String, error: String) throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/dense")
        // Modules are written above without the list around them.
        let isModules = text.hasPrefix(#"{"path"#)
        try write(isModules ? "[" + text.replacing("}{", with: "},{") + "]" : text, to: file, in: folder)
        let found = #expect(throws: EncoderError.self) { try read(folder) }
        #expect(found?.description.contains(error) == true, "\(found?.description ?? "")")
    }

    @Test func namesWeightsThatAreMissingOrInPyTorchsOwnFormat() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/dense")
        let weights = folder.appending("3_Dense/model.safetensors")
        try FileManager.default.moveItem(at: weights, to: folder.appending("3_Dense/pytorch_model.bin"))
        let found = #expect(throws: EncoderError.self) { try read(folder) }
        #expect(found?.description.contains("pytorch_model.bin") == true, "\(found?.description ?? "")")
    }
}
