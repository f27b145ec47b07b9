import Foundation
import Testing

/// Several labels and numbers through the command: what is guessed, trained, scored, answered and written.
@Suite struct ObjectiveCommandTests {
    private static let topics = ["the team won", "the bank lost money", "a goal by the player", "shares fell"]

    private func place(_ lines: [String]) throws -> Workplace {
        let place = try Workplace()
        try place.write("data.jsonl", lines.map { $0 + "\n" }.joined())
        return place
    }

    private func several() throws -> Workplace {
        try place(
            (0..<32).map { index in
                let text = ObjectiveCommandTests.topics[index % 4]
                let other = ObjectiveCommandTests.topics[(index + index / 4) % 4]
                let labels = Set([index % 4, (index + index / 4) % 4].map { $0 % 2 == 0 ? "sport" : "business" })
                let list = labels.sorted().map { "\"\($0)\"" }.joined(separator: ",")
                return "{\"text\":\"\(text) and \(other)\",\"labels\":[\(list)]}"
            })
    }

    private func train(_ place: Workplace, _ words: String...) throws -> Program.Run {
        try Program.run(
            [
                "train", "--model", "base", "--train", "data.jsonl", "--eval", "data.jsonl", "--output", "task",
                "--batch-size", "8", "--learning-rate", "2e-2", "--epochs", "25",
            ] + words, in: place["."])
    }

    @Test func severalLabelsAreGuessedTrainedScoredAndAnswered() throws {
        let place = try several()
        let training = try train(
            place, "--head", "two-layer", "--threshold", "0.45", "--class-weights", "business=2", "--json")
        #expect(training.code == 0, "\(training.errors)")
        #expect(training.errors.hasPrefix("objective: multilabel, guessed from the labels of data.jsonl\n"))
        #expect(training.errors.contains("loss: binary cross-entropy, class weights 2.0 1.0\n"))
        let trained = try #require(try training.objects().last?["scores"] as? [String: Any])
        #expect(try #require(trained["micro_f1"] as? Double) > 0.9)
        let evaluation = try place.graft(
            "evaluate", "--model", "base", "--adapter", "task", "--data", "data.jsonl", "--json")
        let scores = try #require(try evaluation.objects().first)
        #expect(scores as NSDictionary == trained as NSDictionary)
        for name in ["macro_f1", "samples_f1", "subset_accuracy", "micro_precision", "micro_recall"] {
            #expect(scores[name] is Double, "\(name)")
        }
        #expect((scores["labels"] as? [String: Any])?.keys.sorted() == ["business", "sport"])

        let answer = try #require(
            try place.graft("predict", "--model", "base", "--adapter", "task", "the team won and shares fell")
                .objects().first)
        #expect(answer.keys.sorted() == ["labels", "scores", "task", "text"])
        #expect(answer["labels"] as? [String] == ["business", "sport"])
        let inspection = try #require(try place.graft("inspect", "task", "--json").objects().first)
        #expect(inspection["head_type"] as? String == "multilabel")
        #expect(inspection["head_layers"] as? String == "dense tanh, linear")
        #expect(inspection["threshold"] as? Double == 0.45)
        let card = String(decoding: try place.bytes("task/README.md"), as: UTF8.self)
        #expect(card.contains("with a head (dense tanh, linear) over 2 labels, of which a text has any number."))
        #expect(card.contains("| micro f1 | macro f1 | samples f1 |"))
        #expect(card.contains("| loss | binary cross-entropy, class weights 2.0 1.0 |"))
        let table = try place.graft("evaluate", "--model", "base", "--adapter", "task", "--data", "data.jsonl")
        #expect(table.output.hasPrefix("micro F1 "))
    }

    @Test func numbersAreGuessedTrainedScoredAndAnswered() throws {
        let place = try place(
            (0..<32).map {
                "{\"text\":\"\(ObjectiveCommandTests.topics[$0 % 4])\",\"label\":\($0 % 2 == 0 ? 0.5 : -1)}"
            })
        let training = try train(place, "--json")
        #expect(training.code == 0, "\(training.errors)")
        #expect(training.errors.hasPrefix("objective: regression, guessed from the labels of data.jsonl\n"))
        let evaluation = try place.graft(
            "evaluate", "--model", "base", "--adapter", "task", "--data", "data.jsonl", "--json")
        let scores = try #require(try evaluation.objects().first)
        #expect(scores.keys.sorted() == ["examples", "mae", "mse", "pearson", "r2", "spearman"])
        #expect(try #require(scores["r2"] as? Double) > 0.9, "\(scores)")
        let answer = try #require(
            try place.graft("predict", "--model", "base", "--adapter", "task", "the team won").objects().first)
        #expect(answer.keys.sorted() == ["task", "text", "value"])
        #expect(abs(try #require(answer["value"] as? Double) - 0.5) < 0.4)
        let card = String(decoding: try place.bytes("task/README.md"), as: UTF8.self)
        #expect(card.contains("with a linear head that tells a number."))
        #expect(!card.contains("| label | training texts |"))
    }

    @Test func pairsAreGuessedTrainedScoredComparedAndEmbedded() throws {
        let firsts = ["the team won", "a goal by the player", "the coach and the team", "they won the game"]
        let seconds = ["shares fell", "the bank lost money", "sales rose", "the price of shares"]
        let place = try place(
            (0..<32).map { "{\"text\":\"\(firsts[$0 % 4])\",\"text_pair\":\"\(seconds[$0 % 4])\"}" })
        let training = try train(place, "--json")
        #expect(training.code == 0, "\(training.errors)")
        #expect(
            training.errors.hasPrefix(
                "objective: similarity, guessed from the texts without labels of data.jsonl\n"
                    + "loss: multiple negatives ranking, scale 20.0\n"))
        let trained = try #require(try training.objects().last?["scores"] as? [String: Any])
        let names = ["candidates", "examples", "mrr", "recall_at_1", "recall_at_10", "recall_at_5"]
        #expect(trained.keys.sorted() == names)
        #expect(try #require(trained["recall_at_1"] as? Double) == 1 && trained["candidates"] as? Int == 4)
        #expect(try place.names(in: "task").contains("head_config.json"))
        #expect(try !place.names(in: "task").contains("head.safetensors"))

        try place.write("pairs.jsonl", "{\"text\":\"the team won\",\"text_pair\":\"shares fell\"}\n")
        let prediction = try place.graft(
            "predict", "--model", "base", "--adapter", "task", "--input", "pairs.jsonl")
        let answer = try #require(try prediction.objects().first)
        #expect(answer.keys.sorted() == ["similarity", "task", "text", "text_pair"])
        let embedded = try place.graft(
            "embed", "--model", "base", "--adapter", "task", "the team won", "shares fell")
        let vectors = try embedded.objects().compactMap { $0["embedding"] as? [Double] }
        let dot = zip(vectors[0], vectors[1]).reduce(0) { $0 + $1.0 * $1.1 }
        let lengths = vectors.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        #expect(abs(try #require(answer["similarity"] as? Double) - dot / (lengths[0] * lengths[1])) < 1e-5)

        let single = try place.graft("predict", "--model", "base", "--adapter", "task", "the team won")
        #expect(single.code == 1)
        #expect(single.errors.contains("'task' is similarity, which is of two texts, and there is no second one"))
        let card = String(decoding: try place.bytes("task/README.md"), as: UTF8.self)
        #expect(card.contains("pipeline_tag: sentence-similarity\n"))
        #expect(card.contains("with no head: the cosine of two embeddings says how alike texts are."))
        let merged = try place.graft("merge", "--model", "base", "--adapter", "task", "--output", "merged")
        #expect(merged.code == 0, "\(merged.errors)")
        let again = try place.graft("predict", "--model", "merged", "--input", "pairs.jsonl")
        let cosine = try #require(try again.objects().first?["similarity"] as? Double)
        #expect(abs(cosine - (try #require(answer["similarity"] as? Double))) < 1e-4, "\(again.errors)")
    }

    @Test func scoresFromZeroToFiveAreSaidToBeDivided() throws {
        let place = try place(
            (0..<16).map { index in
                let other = ObjectiveCommandTests.topics[(index + index / 4) % 4]
                return "{\"text\":\"\(ObjectiveCommandTests.topics[index % 4])\",\"text_pair\":\"\(other)\","
                    + "\"label\":\(index < 4 ? 5 : 2.5)}"
            })
        let training = try train(place)
        #expect(training.code == 0, "\(training.errors)")
        #expect(
            training.errors.hasPrefix(
                "objective: similarity, guessed from the labels of data.jsonl\n"
                    + "loss: squared error of the cosine to the score, scores divided by 5.0\n"))
        #expect(training.output.contains("cosines against scores: Spearman "))
    }

    @Test(arguments: [
        (["--threshold", "0.4"], 2, "--threshold is for several labels"),
        (["--label-smoothing", "1"], 2, "--label-smoothing is '1', expected a number from 0 to"),
        (["--class-weights", "sport"], 2, "--class-weights is 'sport', expected balanced, or labels with weights"),
        (
            ["--class-weights", "sports=2"], 1,
            "there is a class weight for 'sports', which is no label of the data; there are 'business', 'sport' (did you"
        ),
        (["--loss", "ranking"], 1, "the loss ranking does not go with the objective classification"),
        (["--focal-gamma", "2", "--label-smoothing", "0.1"], 1, "the focal loss and label-smoothing exclude each"),
    ])
    func whatDoesNotFitIsRefused(words: [String], code: Int32, message: String) throws {
        let place = try Workplace()
        let run = try Program.run(
            ["train", "--model", "base", "--train", "train.jsonl", "--output", "task"] + words, in: place["."])
        #expect(run.code == code && run.errors.contains(message), "\(run.code) \(run.errors)")
        #expect(!place.exists("task"))
    }

    @Test func classesTrainWithEveryLossOfTheirs() throws {
        let place = try Workplace()
        for words in [
            ["--class-weights", "balanced"], ["--label-smoothing", "0.1"], ["--loss", "focal"],
            ["--focal-gamma", "1", "--class-weights", "sport=2,business=0.5"],
        ] {
            let run = try Program.run(
                [
                    "train", "--model", "base", "--train", "train.jsonl", "--eval", "train.jsonl", "--output", "task",
                    "--batch-size", "8", "--learning-rate", "1e-2", "--epochs", "8", "--json",
                ] + words, in: place["."])
            #expect(run.code == 0, "\(words) \(run.errors)")
            let scores = try #require(try run.objects().last?["scores"] as? [String: Any])
            #expect(try #require(scores["accuracy"] as? Double) > 0.9, "\(words) \(run.output)")
        }
    }
}
