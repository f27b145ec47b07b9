import Foundation
import TestSupport
import Testing

/// What `graft train` says and leaves: the heads-only baseline, evaluations on the way, and runs that go wrong.
@Suite struct TrainingPracticeCommandTests {
    @Test func comparesWithHeadsAlone() throws {
        let place = try Workplace()
        let run = try place.train(
            to: "adapter", "--eval", "eval.jsonl", "--epochs", "4", "--baseline", "--metric", "macro_f1", "--json")
        #expect(run.code == 0, "\(run.errors)")
        let result = try #require(try run.objects().last?["heads_only"] as? [String: [String: Any]])
        let comparison = try #require(result["adapter"])
        #expect(comparison["metric"] as? String == "macro_f1" && comparison["texts"] as? Int == 6)
        #expect((comparison["interval"] as? [Double])?.count == 2)
        let verdict = try #require(comparison["verdict"] as? String)
        let card = String(decoding: try place.bytes("adapter/README.md"), as: UTF8.self)
        #expect(
            card.contains("Compared with the head alone on the frozen encoder: \(verdict) than heads only: macro F1"))
        let report = String(decoding: try place.bytes("adapter/report.html"), as: UTF8.self)
        #expect(report.contains("than the head alone"))
        let lines = try place.train(to: "again", "--eval", "eval.jsonl", "--epochs", "4", "--baseline").lines
        #expect(lines.contains { $0.contains("than heads only: accuracy") && $0.contains("95 % interval") })
    }

    @Test func evaluatesOnTheWayAndKeepsAnAverage() throws {
        let place = try Workplace()
        let run = try place.train(
            to: "adapter", "--eval", "eval.jsonl", "--epochs", "4", "--evaluate-every", "7", "--ema", "0.9",
            "--accumulate", "2", "--schedule", "cosine-restarts", "--cycles", "2", "--patience", "9")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors.contains("epoch 3/4  step 7  mean loss"), "\(run.errors)")
        #expect(
            run.errors.contains("epoch 4/4  step 12  mean loss"),
            "12 steps of 2 times 8 texts, the last of an epoch of 8")
        #expect(run.lines.contains { $0.hasPrefix("kept the state of step ") }, "\(run.output)")
    }

    @Test func aLossThatIsNoNumberLeavesWhatWasGoodAndEndsWithOne() throws {
        let place = try Workplace()
        let run = try Program.run(
            [
                "train", "--model", "base", "--train", "train.jsonl", "--eval", "eval.jsonl", "--output", "adapter",
                "--batch-size", "8", "--learning-rate", "1e18", "--clip", "0", "--epochs", "9", "--warmup", "0",
            ], in: place["."])
        #expect(run.code == 1)
        #expect(run.errors.contains("is not a number") || run.errors.contains("is infinite"), "\(run.errors)")
        #expect(run.errors.contains("of step ") && run.errors.contains("what was good until then is in adapter"))
        #expect(try !place.names(in: "adapter").contains("training_run.json"))
        let answer = try place.graft("predict", "--model", "base", "--adapter", "adapter", "the team won")
        #expect(answer.code == 0, "\(answer.errors)")
    }

    @Test func refusesAScoreThatTheTaskDoesNotHave() throws {
        let place = try Workplace()
        let run = try place.train(to: "adapter", "--eval", "eval.jsonl", "--metric", "entity_f1")
        #expect(run.code == 1 && !place.exists("adapter"))
        #expect(run.errors.contains("has a score 'entity_f1'; there are accuracy, macro_f1"), "\(run.errors)")
    }

    @Test func saysWhereNothingTrains() throws {
        let place = try Workplace()
        try place.write(
            "pairs.jsonl",
            (0..<8).map { "{\"text\": \"the team \($0)\", \"text_pair\": \"the match \($0)\"}\n" }.joined())
        let line = ["train", "--model", "base", "--train", "pairs.jsonl", "--output", "adapter", "--method", "none"]
        let run = try Program.run(line, in: place["."])
        #expect(run.code == 1 && run.errors.contains("there is nothing to train"), "\(run.errors)")
    }

    @Test func aRunThatStartsAnewLeavesNoCheckpointOfAnother() throws {
        let place = try Workplace()
        let words = ["--epochs", "3", "--checkpoint-every", "1000"]
        let first = try Program.run(
            [
                "train", "--model", "base", "--train", "train.jsonl", "--output", "adapter", "--seed", "1", "--epochs",
                "1000", "--checkpoint-every", "1", "--quiet",
            ], in: place["."]
        ) { process in
            while process.isRunning, !place.exists("adapter.checkpoint.safetensors") { usleep(1000) }
            kill(process.processIdentifier, SIGKILL)
        }
        #expect(first.code != 0 && place.exists("adapter.checkpoint.safetensors"))
        // Left in the middle of a write by a kill.
        try place.write(".adapter.checkpoint.safetensors.123.partial", "x")
        let run = try place.train(to: "adapter", words[0], words[1], words[2], words[3])
        #expect(run.code == 0, "\(run.errors)")
        #expect(try place.names().filter { $0.contains("partial") || $0.contains("checkpoint") }.isEmpty)
    }
}
