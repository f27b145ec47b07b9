import Foundation
import Testing

/// Tagging through the command, with `.conll` and `.jsonl`.
@Suite struct TaggingCommandTests {
    private typealias Row = [(word: String, tag: String)]

    private static let sentences: [Row] = {
        let subjects: [Row] = [
            [("the", "O"), ("coach", "B-person")], [("a", "O"), ("player", "B-person")],
            [("new", "B-product"), ("phone", "I-product")], [("fast", "B-product"), ("chip", "I-product")],
        ]
        let verbs: [Row] = [[("won", "O")], [("fell", "O"), ("today", "O")], [("rose", "O"), ("last", "O")]]
        return (0..<36).map { number -> Row in
            var row: Row = subjects[number % 4]
            row += verbs[number / 4 % 3]
            row += [(",", "O"), ("with", "O")]
            row += subjects[number / 12 + number % 2]
            return row
        }
    }()

    /// `train.conll`, `eval.jsonl`, and an adapter `names` trained on them.
    private func place() throws -> (place: Workplace, training: Program.Run) {
        let place = try Workplace()
        let rows = TaggingCommandTests.sentences
        try place.write(
            "train.conll", rows.map { $0.map { "\($0.word)\t\($0.tag)\n" }.joined() + "\n" }.joined())
        func list(_ items: [String]) -> String { "[" + items.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
        try place.write(
            "eval.jsonl",
            rows.prefix(12).map { row -> String in
                "{\"tokens\":\(list(row.map(\.word))),\"tags\":\(list(row.map(\.tag)))}\n"
            }.joined())
        let training = try place.graft(
            "train", "--model", "base", "--train", "train.conll", "--eval", "eval.jsonl", "--output", "names",
            "--batch-size", "6", "--learning-rate", "2e-2", "--epochs", "16", "--json")
        return (place, training)
    }

    @Test func trainsEvaluatesPredictsAndInspects() throws {
        let (place, training) = try place()
        #expect(training.code == 0, "\(training.errors)")
        #expect(training.errors.hasPrefix("objective: tagging, guessed from the labels of train.conll\n"))
        #expect(training.errors.contains("entity F1 "))
        let report = try #require(try training.objects().last)
        #expect(report["trained_parameters"] as? Int == 3 * 2 * 2 * 8 * 32 + 5 * 32 + 5)
        let trained = try #require(report["scores"] as? [String: Any])

        let evaluation = try place.graft(
            "evaluate", "--model", "base", "--adapter", "names", "--data", "eval.jsonl", "--json")
        let scores = try #require(try evaluation.objects().first)
        #expect(scores as NSDictionary == trained as NSDictionary)
        let f1 = try #require(scores["entity_f1"] as? Double)
        #expect(f1 > 0.9, "\(f1)")
        #expect(scores["examples"] as? Int == 12 && scores["entities"] as? Int == 24)
        for field in ["entity_precision", "entity_recall", "word_accuracy"] {
            #expect(try #require(scores[field] as? Double) > 0.8, "\(field)")
        }
        #expect((scores["types"] as? [String: Any])?.keys.sorted() == ["person", "product"])
        let table = try place.graft("evaluate", "--model", "base", "--adapter", "names", "--data", "eval.jsonl")
        #expect(table.lines.first?.hasPrefix("entity F1 \(String(format: "%.4f", f1)), precision ") == true)
        #expect(table.lines.dropFirst(2).map { $0.prefix { $0 != " " } } == ["person", "product"])

        let card = String(decoding: try place.bytes("names/README.md"), as: UTF8.self)
        #expect(card.contains("pipeline_tag: token-classification\n"))
        #expect(card.contains("| label | training words |"))
        #expect(card.contains(String(format: "| %.4f | ", f1)))

        let inspection = try place.graft("inspect", "names", "--json").objects().first
        #expect(inspection?["head_type"] as? String == "tagging")
        #expect(inspection?["labels"] as? [String] == ["O", "B-person", "B-product", "I-person", "I-product"])
        #expect(inspection?["head_pooling"] == nil)

        let answer = try place.graft(
            "predict", "--model", "base", "--adapter", "names", "New phone  won, with the coach")
        let object = try #require(try answer.objects().first)
        #expect(object.keys.sorted() == ["entities", "task", "text"])
        let entities = try #require(object["entities"] as? [[String: Any]])
        let keys = ["end", "label", "score", "start", "text"]
        #expect(entities.map { $0.keys.sorted() } == [keys, keys], "\(answer.output)")
        #expect(entities.map { $0["text"] as? String } == ["New phone", "coach"])
        #expect(entities.map { $0["label"] as? String } == ["product", "person"])
        #expect(entities.map { $0["start"] as? Int } == [0, 25])
        #expect(entities.map { $0["end"] as? Int } == [9, 30])
        try readsTextsAlike(place)
    }

    private func readsTextsAlike(_ place: Workplace) throws {
        try place.write("texts.txt", "the coach won\nfast chip\n")
        try place.write("texts.conll", "the\ncoach\nwon\n\nfast\nchip\n")
        try place.write("texts.jsonl", "{\"tokens\":[\"the\",\"coach\",\"won\"]}\n{\"text\":\"fast chip\"}\n")
        let line = try place.graft("predict", "--model", "base", "--adapter", "names", "the coach won", "fast chip")
        #expect(line.lines.count == 2 && line.output.contains("\"entities\":[{\"text\":\"coach\",\"label\":\"person\""))
        for file in ["texts.txt", "texts.conll", "texts.jsonl"] {
            let run = try place.graft("predict", "--model", "base", "--adapter", "names", "--input", file)
            #expect(run.output == line.output, "\(file) \(run.errors)")
        }
    }

    @Test func refusesWhatCannotBeLearned() throws {
        let place = try Workplace()
        func refusal(_ name: String, _ content: String) throws -> Program.Run {
            try place.write(name, content)
            return try place.graft("train", "--model", "base", "--train", name, "--output", "names", "--quiet")
        }
        let unequal = try refusal(
            "a.jsonl", "{\"tokens\":[\"a\"],\"tags\":[\"O\"]}\n{\"tokens\":[\"a\"],\"tags\":[]}\n")
        #expect(unequal.code == 1)
        #expect(unequal.errors == "graft train: a.jsonl:2: the numbers of tokens (1) and tags (0) differ\n")
        let invalid = try refusal("b.conll", "a\tO\n\nnew\tO\nphone\tphone\n")
        #expect(invalid.code == 1)
        #expect(
            invalid.errors
                == "graft train: b.conll:3: 'phone' of word 2, 'phone', is no tag; "
                + "tags are O, or B-, I-, E- or S- and a type, as in B-person\n")
        let outside = try refusal("c.conll", "a\tO\n")
        #expect(
            outside.errors
                == "graft train: c.conll: there is no entity in it (words: 1, all tagged O); tagging needs some to learn from\n"
        )
        #expect(!place.exists("names"))
        try place.write("lists.jsonl", "{\"text\":\"a\",\"labels\":[\"x\"]}\n")
        let objective = try place.graft(
            "train", "--model", "base", "--train", "lists.jsonl", "--objective", "tagging", "--output", "names")
        #expect(objective.code == 1)
        #expect(objective.errors.contains("the label is a list, which does not fit the objective tagging"))
    }
}
