import Foundation
import Safetensors
import Testing

/// Folders of transformers' task models, whose heads answer, are left out, or are trained on.
@Suite struct CheckpointHeadCommandTests {
    private func place(_ fixture: String) throws -> Workplace {
        let place = try Workplace()
        try place.remove("base")
        try place.copy(fixture: "heads/\(fixture)", to: "base")
        return place
    }

    @Test func theModelsOwnHeadAnswersWithoutAnAdapter() throws {
        let place = try place("bert")
        let run = try place.graft("predict", "--model", "base", "the team won")
        #expect(run.code == 0, "\(run.errors)")
        let answer = try #require(try run.objects().first)
        #expect(answer["task"] as? String == "base")
        let scores = try #require(answer["scores"] as? [String: Double])
        #expect(Set(scores.keys) == ["sport", "business", "technology"])
        let evaluated = try place.graft("evaluate", "--model", "base", "--data", "eval.jsonl", "--json")
        #expect(evaluated.code == 0, "\(evaluated.errors)")
        #expect(try evaluated.objects().first?["examples"] as? Int == Workplace.evaluationTexts.count)
    }

    @Test func theHeadOfATaggerAnswersWithEntities() throws {
        let run = try place("bert-tokens").graft("predict", "--model", "base", "the team won")
        #expect(run.code == 0, "\(run.errors)")
        #expect(try run.objects().first?["entities"] is [Any])
    }

    @Test func aModelWithoutAHeadNeedsAnAdapter() throws {
        let place = try Workplace()
        let run = try place.graft("evaluate", "--model", "base", "--data", "eval.jsonl")
        #expect(run.code == 2)
        #expect(run.errors.contains("the model base has no head of its own, so an adapter has to answer"))
    }

    @Test func trainingLeavesTheHeadOutAndSaysSo() throws {
        let place = try place("bert")
        let run = try place.train(to: "adapter", "--epochs", "1")
        #expect(run.code == 0, "\(run.errors)")
        #expect(
            run.errors.contains(
                "note: the model is a BertForSequenceClassification with a head for classification"
                    + " (3 labels: sport, business, technology), which is left out; --head checkpoint trains it on\n"))
        let facts = try #require(try place.graft("inspect", "adapter", "--json").objects().first)
        #expect(facts["labels"] as? [String] == ["business", "sport"])
        #expect(facts["head_layers"] == nil)
    }

    @Test func trainingGoesOnFromTheHeadAndMergingPutsItInItsPlace() throws {
        let place = try place("bert")
        let run = try place.train(to: "adapter", "--epochs", "1", "--head", "checkpoint")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors.contains("which is trained on\n"))
        let facts = try #require(try place.graft("inspect", "adapter", "--json").objects().first)
        #expect(facts["labels"] as? [String] == ["sport", "business", "technology"])
        #expect(facts["head_layers"] as? String == "dense tanh, linear")
        let merged = try place.graft("merge", "--model", "base", "--adapter", "adapter", "--output", "merged")
        #expect(merged.code == 0, "\(merged.errors)")
        let head = try SafetensorsFile(contentsOf: place["adapter/head.safetensors"])
        let model = try SafetensorsFile(contentsOf: place["merged/model.safetensors"])
        for (ours, theirs) in [
            ("weight", "classifier.weight"), ("bias", "classifier.bias"), ("dense.weight", "bert.pooler.dense.weight"),
            ("dense.bias", "bert.pooler.dense.bias"),
        ] {
            #expect(try head.tensor(named: ours).floats() == model.tensor(named: theirs).floats())
        }
    }

    @Test func mergingAnotherHeadDropsTheOldOne() throws {
        let place = try place("bert")
        #expect(try place.train(to: "adapter", "--epochs", "1", "--head", "transformers").code == 0)
        #expect(
            try place.graft("merge", "--model", "base", "--adapter", "adapter", "--output", "merged").code == 0)
        let names = try SafetensorsFile(contentsOf: place["merged/model.safetensors"]).names
        #expect(names.contains("bert.pooler.dense.weight"))
        #expect(!names.contains { $0.hasPrefix("classifier.") })
        let answer = try place.graft("predict", "--model", "merged", "the team won")
        #expect(
            Set(try #require(answer.objects().first?["scores"] as? [String: Double]).keys) == ["business", "sport"])
    }

    @Test func inspectShowsTheHead() throws {
        let facts = try #require(try place("bert").graft("inspect", "base", "--json").objects().first)
        #expect(facts["head"] as? String == "BertForSequenceClassification")
        #expect(facts["head_type"] as? String == "classification")
        #expect(facts["labels"] as? [String] == ["sport", "business", "technology"])
        #expect(facts["head_layers"] as? String == "dense tanh, linear")
    }

    @Test func aModelWithoutAHeadHasNoneToTrainOn() throws {
        let run = try Workplace().train(to: "adapter", "--epochs", "1", "--head", "checkpoint")
        #expect(run.code == 1)
        #expect(run.errors.contains("has no head of its own"))
    }
}
