import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// What folders and recipes of PEFT's methods cannot be, each by its name.
@Suite struct MethodRefusalTests {
    /// The error of a folder of PEFT's with some fields changed.
    private func error(
        of name: String, on family: String? = nil, _ change: (inout [String: Any]) -> Void
    ) throws -> String {
        let folder = try TemporaryFolder()
        let source = Fixtures.url("methods/\(name)")
        let config = "adapter_config.json"
        let data = try Data(contentsOf: source.appending(path: config))
        var fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        change(&fields)
        try JSONSerialization.data(withJSONObject: fields).write(to: folder.appending(config))
        let weights = "adapter_model.safetensors"
        try Data(contentsOf: source.appending(path: weights)).write(to: folder.appending(weights))
        let encoder = try FamilyFixture(family ?? String(name.split(separator: "/")[0])).encoder()
        let error = #expect(throws: AdapterError.self) { try AdapterBundle(contentsOf: folder.url, for: encoder) }
        return "\(try #require(error))"
    }

    private func fresh(_ method: any AdapterMethod, on family: String) throws {
        _ = try AdapterRecipe(method).fresh(for: FamilyFixture(family).encoder(), seed: 0)
    }

    @Test func veraWithoutItsProjectionSaysWhatToDo() throws {
        let words = try error(of: "bert/vera") { $0["save_projection"] = false }
        #expect(words.contains("save_projection=True"))
    }

    @Test func ia3WithoutFeedForwardModulesIsReadAsPEFTFillsThemInOrRefused() throws {
        let words = try error(of: "mpnet/ia3") { $0["feedforward_modules"] = nil }
        #expect(words.contains("feedforward_modules") && words.contains("mpnet"))
        // PEFT knows BERT's.
        let folder = try TemporaryFolder()
        let fixture = try MethodFixture("bert/ia3")
        try fixture.bundle.write(into: folder.url)
        let config = folder.appending("adapter_config.json")
        var fields = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: config)) as? [String: Any])
        fields["feedforward_modules"] = nil
        try JSONSerialization.data(withJSONObject: fields).write(to: config)
        let read = try AdapterBundle(contentsOf: folder.url, for: fixture.encoder)
        #expect(read.parameters.values == fixture.bundle.parameters.values)
    }

    @Test func mapsWithFactorsOfTheOtherSideHaveAnotherShape() throws {
        let words = try error(of: "bert/ia3") { $0["feedforward_modules"] = [String]() }
        #expect(words.contains("ia3_l") && words.contains("expected"))
    }

    @Test func oftOfOldVersionsAndOfTwoSizesIsRefused() throws {
        #expect(try error(of: "bert/oft") { $0["oft_block_size"] = nil }.contains("oft_block_size"))
        #expect(try error(of: "bert/oft") { $0["r"] = 5 }.contains("oft_block_size"))
    }

    @Test func boftThatDoesNotDivideIsRefused() throws {
        #expect(throws: AdapterError.self) { try fresh(BOFTMethod(cut: .size(3)), on: "bert") }
        #expect(throws: AdapterError.self) { try fresh(BOFTMethod(cut: .size(4), butterflyFactors: 2), on: "bert") }
        try fresh(BOFTMethod(cut: .size(2), butterflyFactors: 2), on: "bert")
    }

    @Test func aNormThatIsNotThereIsNamed() throws {
        let words = try error(of: "bert/norms") { $0["target_modules"] = ["LayerNorn"] }
        #expect(words.contains("LayerNorn") && words.contains("embeddings.LayerNorm"))
    }

    @Test(arguments: ["mpnet", "modernbert", "t5", "distilbert", "albert", "deberta-v3"])
    func prefixesAreRefusedWherePEFTHasNone(family: String) throws {
        let error = #expect(throws: AdapterError.self) { try fresh(PrefixTuningMethod(tokens: 2), on: family) }
        guard case .notForFamily = error else {
            Issue.record("\(family): \(String(describing: error))")
            return
        }
    }

    @Test func aHeadThatWouldReadAVirtualTokenIsRefused() throws {
        #expect(try error(of: "bert/prompt") { $0["task_type"] = "SEQ_CLS" }.contains("task_type"))
    }

    @Test func promptsOfAnotherNumberOfTokensOrForADecoderAreRefused() throws {
        #expect(try error(of: "bert/prompt") { $0["num_virtual_tokens"] = 4 }.contains("prompt_embeddings"))
        #expect(try error(of: "bert/prefix") { $0["num_virtual_tokens"] = 600 }.contains("num_virtual_tokens"))
        #expect(
            try error(of: "bert/prompt") { $0["num_transformer_submodules"] = 2 }.contains("num_transformer_submodules")
        )
    }

    @Test func moreVirtualTokensThanPositionsAreRefused() throws {
        #expect(throws: AdapterError.self) { try fresh(PromptTuningMethod(tokens: 512), on: "bert") }
        #expect(throws: AdapterError.self) { try fresh(PrefixTuningMethod(tokens: 512), on: "bert") }
    }
}
