import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Folders that PEFT wrote (`Tests/Peers/make_peft_fixtures.py`), and folders that Graft writes.
@Suite struct PEFTFolderTests {
    private func hidden(_ encoder: TransformerEncoder, _ bundle: AdapterBundle, _ batch: PackedBatch) -> Matrix {
        encoder.forward(batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters)).hidden
    }

    @Test(arguments: [
        "query-value", "all-targets", "layers", "one-layer", "regex", "rslora", "patterns", "excluded", "bfloat16",
        "sequence-classification", "bias-lora-only", "dora", "lora-bias",
    ])
    func aFolderOfPEFTComputesWhatPEFTComputes(name: String) throws {
        let encoder = try TinyEncoder.load()
        let bundle = try AdapterBundle(contentsOf: Fixtures.url("peft/\(name)"), for: encoder)
        let expected = try GoldenFile("peft/\(name).expected.safetensors")
        let found = hidden(encoder, bundle, try GoldenFile("peft/inputs.safetensors").batch())
        #expect(Closeness.largestDifference(found.values, try expected.floats("hidden")) < 1e-5)
        #expect(bundle.fingerprint == nil)
    }

    @Test func theHeadOfATaskModelIsKeptApart() throws {
        let bundle = try AdapterBundle(
            contentsOf: Fixtures.url("peft/sequence-classification"), for: TinyEncoder.load())
        #expect(bundle.taskHead?.taskType == "SEQ_CLS")
        #expect(bundle.taskHead?.tensors.map(\.name) == ["classifier.bias", "classifier.weight"])
        #expect(bundle.taskHead?.tensors.map(\.shape) == [[3], [3, 32]])
        #expect(bundle.ignored.isEmpty)
    }

    @Test(arguments: [("use_qalora", "true"), ("layer_replication", "[[0, 1]]"), ("use_bdlora", "{\"rows\": 2}")])
    func whatChangesTheResultAndIsNotSupportedIsRefusedByName(field: String, value: String) throws {
        let value = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        guard case .unsupportedField(_, field, _, _) = try refusal({ $0[field] = value }) else {
            Issue.record("not refused as unsupported"); return
        }
    }

    @Test(arguments: [
        [Projection.query, .value], TinyEncoder.projections, [.output], [.attentionOutput], [.output, .key],
    ])
    func whatIsWrittenIsReadAgain(projections: [Projection]) throws {
        let encoder = try TinyEncoder.load()
        for layers in [nil, [1, 2]] {
            let recipe = AdapterRecipe(rank: 3, alpha: 7, projections: projections, layers: layers)
            let written = try randomBundle(recipe, encoder)
            let folder = try TemporaryFolder()
            try written.write(into: folder.url)
            let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
            #expect(read.adapters.sites == written.adapters.sites)
            #expect(read.parameters.values == written.parameters.values)
            #expect(read.fingerprint == encoder.fingerprint)
            #expect(read.configuration == written.configuration)
        }
    }

    @Test func equalAdaptersAreEqualBytes() throws {
        let encoder = try TinyEncoder.load()
        let folders = try (0..<2).map { _ in
            let folder = try TemporaryFolder()
            try randomBundle(AdapterRecipe(), encoder).write(into: folder.url)
            return folder
        }
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            #expect(try Data(contentsOf: folders[0].appending(name)) == Data(contentsOf: folders[1].appending(name)))
        }
    }

    // MARK: Refusals

    @Test func anotherBaseOfTheSameShapeIsRefusedUnlessAllowed() throws {
        let encoder = try TinyEncoder.load()
        let folder = try TemporaryFolder()
        try randomBundle(AdapterRecipe(), encoder).write(into: folder.url)
        let other = try encoder.merging(
            AdapterRecipe().fresh(for: encoder, seed: 0).adapters,
            AdapterRecipe().fresh(for: encoder, seed: 0).parameters)
        #expect(other.fingerprint == encoder.fingerprint, "a fresh adapter changes nothing")

        let changed = try Fixtures.copyOfTinyEncoder(changing: "encoder.layer.1.output.dense.bias")
        let otherBase = try TransformerEncoder(contentsOf: changed.url)
        let error = #expect(throws: AdapterError.self) {
            try AdapterBundle(contentsOf: folder.url, for: otherBase)
        }
        guard case .otherBase = error else { Issue.record("\(String(describing: error))"); return }
        #expect(throws: Never.self) {
            try AdapterBundle(contentsOf: folder.url, for: otherBase, allowingOtherBase: true)
        }
    }

    private func refusal(_ change: (inout [String: Any]) -> Void) throws -> AdapterError? {
        let folder = try TemporaryFolder()
        let source = Fixtures.url("peft/query-value")
        let data = try Data(contentsOf: source.appending(path: "adapter_config.json"))
        var fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        change(&fields)
        try JSONSerialization.data(withJSONObject: fields).write(to: folder.appending("adapter_config.json"))
        try FileManager.default.copyItem(
            at: source.appending(path: "adapter_model.safetensors"), to: folder.appending("adapter_model.safetensors"))
        let encoder = try TinyEncoder.load()
        return #expect(throws: AdapterError.self) { try AdapterBundle(contentsOf: folder.url, for: encoder) }
    }

    @Test func aMissingTensorIsNamed() throws {
        guard case .missingTensor(_, let tensor, _) = try refusal({ $0["target_modules"] = ["query", "key", "value"] })
        else {
            Issue.record("not refused as missing")
            return
        }
        #expect(tensor == "base_model.model.encoder.layer.0.attention.self.key.lora_A.weight")
    }

    @Test func aTensorThatNothingAsksForIsNamed() throws {
        guard case .unexpectedTensor(_, let tensor) = try refusal({ $0["target_modules"] = ["query"] }) else {
            Issue.record("not refused as unexpected")
            return
        }
        #expect(tensor == "base_model.model.encoder.layer.0.attention.self.value.lora_A.weight")
    }

    @Test func aMisshapenTensorIsNamed() throws {
        guard case .wrongShape(_, let tensor, let found, let expected) = try refusal({ $0["r"] = 5 }) else {
            Issue.record("not refused as misshapen")
            return
        }
        #expect(tensor == "base_model.model.encoder.layer.0.attention.self.query.lora_A.weight")
        #expect(found == [4, 32] && expected == [5, 32])
    }

    @Test func aTargetThatMatchesNothingIsNamed() throws {
        guard
            case .targetMatchesNothing(_, "querry", _, nearest: "query") = try refusal({
                $0["target_modules"] = ["querry", "value"]
            })
        else {
            Issue.record("not refused as matching nothing")
            return
        }
    }

    @Test func aRankPatternThatMatchesNothingIsNamed() throws {
        guard
            case .targetMatchesNothing(_, "^attention.qery", _, _) = try refusal({
                $0["rank_pattern"] = ["^attention.qery": 2]
            })
        else {
            Issue.record("not refused as matching nothing")
            return
        }
    }

    @Test(arguments: ["loftq", "pissa_niter_4", "corda"])
    func startsThatCannotBeComputedAgainAreRefused(start: String) throws {
        guard
            case .unsupportedField(_, "init_lora_weights", start, _) = try refusal({ $0["init_lora_weights"] = start })
        else {
            Issue.record("not refused as unsupported")
            return
        }
    }

    @Test func anUnknownFieldWithAValueIsRefusedAndWithoutOneIsNot() throws {
        guard case .unsupportedField(_, "use_novelty", _, _) = try refusal({ $0["use_novelty"] = ["strength": 2] })
        else {
            Issue.record("not refused as unsupported")
            return
        }
        // The same refusal must come from elsewhere if the unknown field is off.
        guard case .wrongShape = try refusal({ ($0["use_novelty"], $0["r"]) = (false, 5) }) else {
            Issue.record("an unknown field that is off was not passed over")
            return
        }
    }

    @Test func otherKindsOfAdapterAreRefused() throws {
        guard
            case .configuration(.invalidField(_, "peft_type", "XLORA", _)) = try refusal({ $0["peft_type"] = "XLORA" })
        else {
            Issue.record("not refused")
            return
        }
    }
}
