import Foundation
import Testing

@Suite struct EvaluateCommandTests {
    @Test func givesTheScoresThatTrainingGaveAndTheCardSays() throws {
        let place = try Workplace()
        let training = try place.train(to: "news", "--eval", "eval.jsonl", "--epochs", "4", "--json")
        let run = try place.graft(
            "evaluate", "--model", "base", "--adapter", "news", "--data", "eval.jsonl", "--json")
        #expect(run.code == 0)
        #expect(run.errors == "")
        let scores = try #require(try run.objects().first)
        let trained = try #require(try training.objects().last?["scores"] as? [String: Any])
        #expect(scores as NSDictionary == trained as NSDictionary)
        let accuracy = try #require(scores["accuracy"] as? Double)
        let macroF1 = try #require(scores["macro_f1"] as? Double)
        let card = String(decoding: try place.bytes("news/README.md"), as: UTF8.self)
        #expect(card.contains(String(format: "| %.4f | %.4f |", accuracy, macroF1)))
    }

    @Test func showsATableOfLabels() throws {
        let place = try Workplace.withAdapter()
        let run = try place.graft("evaluate", "--model", "base", "--adapter", "adapter", "--data", "eval.jsonl")
        #expect(run.lines.first?.hasPrefix("accuracy ") == true)
        #expect(run.lines.first?.hasSuffix(", 6 texts") == true)
        #expect(run.lines.dropFirst(2).map { $0.prefix { $0 != " " } } == ["business", "sport"])
    }

    @Test func scoresTheMergedModelWithItsOwnHead() throws {
        let place = try Workplace.withAdapter()
        _ = try place.graft("merge", "--model", "base", "--adapter", "adapter", "--output", "merged")
        let words = ["--data", "eval.jsonl", "--json"]
        let adapted = try place.graft(
            "evaluate", "--model", "base", "--adapter", "adapter", words[0], words[1], words[2])
        let merged = try place.graft(
            "evaluate", "--model", "merged", "--adapter", "merged", words[0], words[1], words[2])
        #expect(merged.code == 0, "\(merged.errors)")
        #expect(merged.output == adapted.output)
    }

    @Test func namesTheLineOfALabelThatTheAdapterDoesNotKnow() throws {
        let place = try Workplace.withAdapter()
        try place.write("other.jsonl", Workplace.jsonLines([("a goal", "sport"), ("a chip", "tech")]))
        let run = try place.graft("evaluate", "--model", "base", "--adapter", "adapter", "--data", "other.jsonl")
        #expect(run.code == 1)
        #expect(run.output == "")
        #expect(
            run.errors
                == "graft evaluate: other.jsonl:2: the label 'tech' is not one of the known labels 'business', 'sport'\n"
        )
    }

    @Test func needsLabels() throws {
        let place = try Workplace.withAdapter()
        try place.write("texts.txt", "a goal\n")
        let run = try place.graft("evaluate", "--model", "base", "--adapter", "adapter", "--data", "texts.txt")
        #expect(run.code == 1)
        #expect(run.errors.contains("texts.txt: plain text has no labels; use .jsonl, .csv, .tsv or .conll"))
        let misuse = try place.graft("evaluate", "--model", "base", "--adapter", "adapter")
        #expect(misuse.code == 2)
        #expect(misuse.errors.hasPrefix("graft evaluate: --data FILE is missing\n"))
    }
}
