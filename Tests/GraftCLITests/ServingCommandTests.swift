import Foundation
import Safetensors
import Testing

/// Several adapters on one command line: each at a weight, each for its own texts, merged in order or in part.
@Suite struct ServingCommandTests {
    /// A workplace with two adapters.
    private func place() throws -> Workplace {
        let place = try Workplace.withAdapter()
        #expect(try place.train(to: "second", "--epochs", "1", "--seed", "5").code == 0)
        return place
    }

    @Test func adaptersOfSeveralMethodsAnswerOneFile() throws {
        let place = try Workplace.withAdapter()
        let methods = ["pfeiffer", "ia3", "loreft"]
        for method in methods {
            let run = try place.train(to: method, "--epochs", "1", "--method", method)
            #expect(run.code == 0, "\(run.errors)")
        }
        let names = methods + ["adapter"]
        let texts = ["a goal", "the bank", "the team won", "money", "a match", "shares fell", "the market", "a game"]
        let lines = texts.enumerated().map { (text: $1, task: names[$0 % names.count]) }
        try place.write(
            "mixed.jsonl", lines.map { "{\"text\": \"\($0.text)\", \"task\": \"\($0.task)\"}\n" }.joined())
        let adapters = names.flatMap { ["--adapter", $0] }
        let mixed = try place.run(
            ["predict", "--model", "base"] + adapters + ["--input", "mixed.jsonl", "--task-field", "task"])
        #expect(mixed.code == 0, "\(mixed.errors)")
        // All of them for one text: a line each.
        let several = try place.run(["predict", "--model", "base"] + adapters + [texts[0]])
        #expect(several.code == 0, "\(several.errors)")
        for (line, (text, task)) in zip(mixed.lines, lines) {
            #expect(try place.graft("predict", "--model", "base", "--adapter", task, text).lines == [line])
        }
        #expect(mixed.lines.count == lines.count)
        #expect(
            try several.lines
                == names.flatMap { try place.graft("predict", "--model", "base", "--adapter", $0, texts[0]).lines })
    }

    @Test func eachLineIsAnsweredByTheAdapterThatItNames() throws {
        let place = try place()
        let lines = [("a goal", "second"), ("the bank", "adapter"), ("the team won", "adapter"), ("money", "second")]
        try place.write(
            "mixed.jsonl", lines.map { "{\"text\": \"\($0.0)\", \"task\": \"\($0.1)\"}\n" }.joined())
        let run = try place.graft(
            "predict", "--model", "base", "--adapter", "adapter", "--adapter", "second", "--input", "mixed.jsonl",
            "--task-field", "task")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.lines.count == lines.count)
        for (line, (text, task)) in zip(run.lines, lines) {
            let alone = try place.graft("predict", "--model", "base", "--adapter", task, text)
            #expect(alone.lines == [line])
        }
        try place.write("wrong.jsonl", "{\"text\": \"a goal\", \"task\": \"third\"}\n")
        let wrong = try place.graft(
            "predict", "--model", "base", "--adapter", "adapter", "--input", "wrong.jsonl", "--task-field", "task")
        #expect(wrong.code == 1)
        #expect(wrong.errors == "graft predict: no task 'third' is loaded; there is adapter\n")
        let missing = try place.graft(
            "predict", "--model", "base", "--adapter", "adapter", "a goal", "--task-field", "task")
        #expect(missing.code == 2)
        #expect(missing.errors.contains("--task-field names a field of a file; give one with --input FILE"))
    }

    @Test func aWeightMultipliesWhatAnAdapterChanges() throws {
        let place = try place()
        func answers(_ adapters: String...) throws -> [String] {
            let run = try place.run(
                ["predict", "--model", "base", "--precision", "float32", "a goal"]
                    + adapters.flatMap { ["--adapter", $0] })
            #expect(run.code == 0, "\(run.errors)")
            return run.lines
        }
        let whole = try answers("adapter")
        #expect(try answers("adapter=1") == whole)
        let several = try answers("adapter=1", "adapter=0.5", "adapter=0")
        #expect(several.count == 3 && Set(several).count == 3)
        #expect(several[1].contains("\"task\":\"adapter=0.5\""))
        let bad = try place.graft("predict", "--model", "base", "--adapter", "adapter=half", "a goal")
        #expect(bad.code == 2)
        #expect(bad.errors.contains("--adapter is 'adapter=half', expected an adapter folder, or one with a weight"))
    }

    @Test func adaptersAreMergedInTheOrderOfTheLine() throws {
        let place = try place()
        let heads = try place.graft(
            "merge", "--model", "base", "--adapter", "adapter", "--adapter", "second=0.5", "--output", "merged")
        #expect(heads.code == 1)
        #expect(
            heads.errors.contains("adapter, second have a head each, and a model folder has one; choose with --head"))
        #expect(!place.exists("merged"))
        let run = try place.graft(
            "merge", "--model", "base", "--adapter", "adapter", "--adapter", "second=0.5", "--output", "merged",
            "--head", "adapter", "--json")
        #expect(run.code == 0, "\(run.errors)")
        let difference = try #require(try run.objects().first?["embedding_difference"] as? Double)
        #expect(difference <= 1e-4)
        #expect(try place.graft("predict", "--model", "merged", "a goal").code == 0)
        let file = try SafetensorsFile(contentsOf: place["merged/model.safetensors"])
        #expect(file.names.allSatisfy { file[$0]?.elementType == .float32 })
    }

    @Test func theRestOfAPartialMergeIsAnAdapterOfTheMergedModel() throws {
        let place = try place()
        let run = try place.graft(
            "merge", "--model", "base", "--adapter", "adapter", "--layers", "0-1", "--output", "lower", "--rest",
            "upper")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.lines.suffix(2) == ["wrote lower", "wrote upper, the rest of the adapter, for lower"])
        let words = ["predict", "--precision", "float32", "--input", "train.jsonl"]
        let whole = try place.run(words + ["--model", "base", "--adapter", "adapter"])
        let parts = try place.run(words + ["--model", "lower", "--adapter", "upper"])
        #expect(parts.code == 0, "\(parts.errors)")
        for (left, right) in zip(try whole.objects(), try parts.objects()) {
            #expect(left["label"] as? String == right["label"] as? String)
            let (left, right) = (left["score"] as? Double, right["score"] as? Double)
            #expect(abs(try #require(left) - #require(right)) < 1e-5)
        }
        let onBase = try place.graft("predict", "--model", "base", "--adapter", "upper", "a goal")
        #expect(onBase.code == 1)
        #expect(onBase.errors.contains("was trained on"))
        let alone = try place.graft(
            "merge", "--model", "base", "--adapter", "adapter", "--layers", "0", "--output", "other")
        #expect(alone.code == 2)
        #expect(
            alone.errors.contains("--layers leaves a rest that is still an adapter; name a folder for it with --rest"))
    }
}
