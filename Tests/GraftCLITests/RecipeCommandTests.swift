import Foundation
import Testing

/// `graft train --recipe`, and what every run leaves.
@Suite struct RecipeCommandTests {
    /// Two tasks that share an adapter, in stages.
    private static let recipe = """
        {
          "model": "base", "output": "out", "precision": "float32",
          "adapters": {"shared": {"rank": 4, "layers": [1, 2]}},
          "tasks": {
            "news": {"train": "train.jsonl", "eval": "eval.jsonl", "adapter": "shared"},
            "tags": {"train": "tags.jsonl", "eval": "tags.jsonl", "adapter": "shared", "weight": 0.5}
          },
          "options": {"batch_size": 8},
          "stages": [
            {"name": "heads", "train": ["heads"], "epochs": 2, "learning_rate": 1e-2},
            {"name": "adapters & heads", "train": ["heads", "adapters"], "epochs": 2, "learning_rate": 1e-2}
          ]
        }
        """

    private func place(_ recipe: String = RecipeCommandTests.recipe) throws -> Workplace {
        let place = try Workplace()
        let rows = (0..<12).map { index in
            let name = ["team", "bank", "market"][index % 3]
            return #"{"tokens": ["the", "\#(name)", "won"], "tags": ["O", "B-thing", "O"]}"# + "\n"
        }
        try place.write("tags.jsonl", rows.joined())
        try place.write("recipe.json", recipe)
        return place
    }

    private func rows(_ place: Workplace, _ path: String) throws -> [[String: Any]] {
        try String(decoding: place.bytes(path), as: UTF8.self).split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    @Test func trainsTasksInStagesAndWritesEachAsItsOwnFolder() throws {
        let place = try place()
        let base = try place.snapshot(of: "base")
        let run = try place.graft("train", "--recipe", "recipe.json")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors.contains("news's objective: classification, guessed from the labels of train.jsonl"))
        #expect(run.errors.contains("stage 2 of 2, adapters & heads: heads and adapters, 2 epochs"))
        #expect(run.errors.contains("stage 1  epoch 2/2  mean loss "))
        #expect(run.lines.suffix(2) == ["wrote out/news", "wrote out/tags"])
        #expect(
            try place.names(in: "out") == [
                "metrics.jsonl", "news", "report.html", "stages", "tags", "training_run.json",
            ])
        #expect(try place.names(in: "out/stages") == ["1-heads", "2-adapters---heads"])
        #expect(try place.names(in: "out/stages/1-heads") == ["news", "tags"])
        #expect(try !place.names().contains { $0.hasPrefix("out.") }, "nothing is left beside")
        #expect(try place.snapshot(of: "base") == base)

        for folder in ["out/news", "out/tags", "out/stages/1-heads/news", "out/stages/2-adapters---heads/tags"] {
            let answer = try place.graft("predict", "--model", "base", "--adapter", folder, "the team won")
            #expect(answer.code == 0, "\(folder): \(answer.errors)")
        }
        let rows = try rows(place, "out/metrics.jsonl")
        let steps = rows.filter { $0["event"] as? String == "step" }
        #expect(steps.compactMap { $0["step"] as? Int } == Array(1...steps.count))
        #expect(Set(steps.compactMap { $0["stage"] as? Int }) == [1, 2])
        let evaluations = rows.filter { $0["event"] as? String == "evaluation" }
        #expect(
            evaluations.compactMap { $0["task"] as? String } == [
                "news", "tags", "news", "tags", "news", "tags", "news", "tags",
            ])
        let report = String(decoding: try place.bytes("out/report.html"), as: UTF8.self)
        #expect(report.contains("Stages side by side") && report.contains("stages/2-adapters---heads"))
        #expect(report.contains("over heads only") && report.contains("stage 2, adapters &amp; heads: "))
        #expect(report.contains("graft train --recipe recipe.json"))
    }

    @Test func saysItsPlanAndTrainsNothing() throws {
        let place = try place()
        let run = try place.graft("train", "--recipe", "recipe.json", "--dry-run", "--quiet")
        #expect(run.code == 0, "\(run.errors)")
        #expect(!place.exists("out"))
        // Of 2 layers, query and value, A and B of rank 4 in 32 numbers; heads of 2 labels and of 3 tags.
        let (adapters, heads) = (2 * 2 * 2 * 4 * 32, 2 * 33 + 3 * 33)
        #expect(run.output.contains("  trains  heads \(heads) ("))
        #expect(run.output.contains("  trains  adapters 1,024 (4.1 kB), heads \(heads) ("))
        #expect(adapters == 1024)
        let plan = try #require(
            try place.graft("train", "--recipe", "recipe.json", "--dry-run", "--quiet", "--json").objects().last)
        let stages = try #require(plan["stages"] as? [[String: Any]])
        #expect(stages.compactMap { $0["trained_parameters"] as? Int } == [heads, adapters + heads])
        let costs = stages.compactMap { $0["cost_of_later_epochs"] as? Double }
        #expect(costs[0] == 0 && costs[1] > 0.4 && costs[1] < 0.6, "two of three layers, forward and to their inputs")
        let words = try #require(plan["settings"] as? [String: String])
        #expect(words["tags's weight"] == "0.5")
    }

    @Test func listsEveryAdaptedModuleAndWhatEachEntryMatches() throws {
        let place = try place(
            """
            {"model": "base", "output": "out", "tasks": {"topics": {"train": "train.jsonl", "adapter": {"method": "dora", "rank": 2,
              "targets": ["query", "word_embeddings"], "parts": [{}, {"targets": "output.dense", "layers": [2], "rank": 3}]}}}}
            """)
        let run = try place.graft("train", "--recipe", "recipe.json", "--dry-run", "--quiet")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("adapter topics: DoRA of rank 2 (alpha 16) with the tables of words, on 6 modules"))
        #expect(run.output.contains("  parts[0].targets match  query: 3, word_embeddings: 1"))
        #expect(run.output.contains("  parts[1].layers match  2: 2"))
        // A and B of rank 2, and a length for each of 32 outputs.
        #expect(run.output.contains("encoder.layer.0.attention.self.query"))
        #expect(run.output.contains(" 160 numbers (640 B)"))
        let plan = try #require(
            try place.graft("train", "--recipe", "recipe.json", "--dry-run", "--quiet", "--json").objects().last)
        let adapter = try #require((plan["adapters"] as? [[String: Any]])?.first)
        let modules = try #require(adapter["modules"] as? [[String: Any]])
        #expect(modules.map { $0["place"] as? String ?? "" }.first == "embeddings.words")
        let expected = [2 * (120 + 32) + 32, 160, 160, 160, 3 * (32 + 32) + 32, 3 * (64 + 32) + 32]
        #expect(modules.compactMap { $0["parameters"] as? Int } == expected)
        #expect(modules.compactMap { $0["bytes"] as? Int } == expected.map { 4 * $0 })
        let matches = try #require(adapter["matches"] as? [[String: Any]])
        #expect(matches.compactMap { $0["modules"] as? Int } == [3, 1, 6, 2])
    }

    /// An adapter whose parts have methods of their own, through every command.
    @Test func partsWithMethodsOfTheirOwnAreListedTrainedAndOpened() throws {
        let place = try place(
            """
            {"model": "base", "output": "out", "precision": "float32", "tasks": {"topics": {"train": "train.jsonl", "eval": "eval.jsonl",
              "adapter": {"parts": [{"layers": 0, "method": "ia3"}, {"layers": [1], "method": "lora", "rank": 3},
                                    {"layers": [2], "method": "pfeiffer", "reduction_factor": 8}]}}},
             "options": {"batch_size": 8, "learning_rate": 1e-2, "epochs": 2}}
            """)
        let plan = try place.graft("train", "--recipe", "recipe.json", "--dry-run", "--quiet")
        #expect(plan.code == 0, "\(plan.errors)")
        #expect(plan.output.contains("adapter topics: (IA)³ + LoRA of rank 3 (alpha 16) + Pfeiffer bottlenecks"))
        #expect(plan.output.contains("  parts[1].targets match  query: 3, value: 3"))
        #expect(plan.output.contains("  part 0-ia3") && plan.output.contains("  part 2-pfeiffer"))
        #expect(plan.output.contains("layer.2.feedForwardBlock"))
        let json = try #require(
            try place.graft("train", "--recipe", "recipe.json", "--dry-run", "--quiet", "--json").objects().last)
        let modules = try #require(
            (json["adapters"] as? [[String: Any]])?.first?["modules"] as? [[String: Any]])
        #expect(Set(modules.compactMap { $0["part"] as? String }) == ["0-ia3", "1-lora", "2-pfeiffer"])
        #expect(!place.exists("out"))

        let run = try place.graft("train", "--recipe", "recipe.json")
        #expect(run.code == 0, "\(run.errors)")
        let folder = "out/topics"
        let names = try place.names(in: folder)
        #expect(names.contains("adapter_parts.json") && names.contains("head_config.json"))
        #expect(!names.contains("adapter_config.json") && !names.contains("adapter_model.safetensors"))
        #expect(try place.names(in: "\(folder)/parts") == ["0-ia3", "1-lora", "2-pfeiffer"])
        let card = String(decoding: try place.bytes("\(folder)/README.md"), as: UTF8.self)
        #expect(card.contains("- ia3\n- lora\n- pfeiffer") && card.contains("`parts/2-pfeiffer`"))
        for (command, words) in [("predict", ["the team won"]), ("embed", ["the team won"]), ("evaluate", [])] {
            let options = command == "evaluate" ? ["--data", "eval.jsonl"] : []
            let answer = try place.run([command, "--model", "base", "--adapter", folder] + options + words)
            #expect(answer.code == 0, "\(command): \(answer.errors)")
        }
        let inspected = try #require(try place.graft("inspect", folder, "--json").objects().last)
        #expect(inspected["method"] as? String == "parts")
        #expect((inspected["part_2-pfeiffer"] as? [String: Any])?["library"] as? String == "adapters")
        #expect(inspected["base_fingerprint"] == nil, "each part has its own")
        #expect((inspected["parameters"] as? Int ?? 0) > 0 && inspected["head_type"] as? String == "classification")

        let merged = try place.graft("merge", "--model", "base", "--adapter", folder, "--output", "merged")
        #expect(merged.code == 1 && merged.errors.contains("(part 2-pfeiffer)") && !place.exists("merged"))
        for format in ["peft", "adapterhub", "mlx", "gguf"] {
            let converted = try place.graft(
                "convert", "--adapter", folder, "--to", format, "--output", "converted", "--model", "base")
            #expect(converted.code == 1 && converted.errors.contains("parts of several methods (ia3, lora, pfeiffer)"))
            #expect(!place.exists("converted"))
        }
        // A part by itself is a folder as any.
        let part = try place.graft("embed", "--model", "base", "--adapter", "\(folder)/parts/1-lora", "the team won")
        #expect(part.code == 0, "\(part.errors)")
    }

    @Test func aTableThatIsNamedTrainsWhateverTheLayers() throws {
        let place = try place()
        let run = try place.train(to: "out", "--targets", "query,words", "--layers", "0-1", "--dry-run")
        #expect(run.code == 0, "\(run.errors)")
        #expect(
            run.output.contains("embeddings.word_embeddings")
                && run.output.contains("encoder.layer.1.attention.self.query"))
        #expect(!run.output.contains("encoder.layer.2."))
        let wrong = try place.train(to: "out", "--method", "prompt", "--layers", "0")
        #expect(wrong.code != 0 && wrong.errors.contains("--layers says nothing with --method prompt"))
    }

    @Test func refusesATargetThatMatchesNothingBeforeItTrains() throws {
        let place = try place()
        let run = try place.train(to: "out", "--targets", "query,valu")
        #expect(run.code == 1)
        #expect(
            run.errors.contains("'valu' matches no module of this encoder that can be adapted; the nearest is 'value'"))
        #expect(!place.exists("out"))
    }

    @Test func comesToTheSameBytesAsTheLineOfTheSameMeaning() throws {
        let place = try place(
            """
            {"model": "base", "output": "out", "tasks": {"line": {"train": "train.jsonl", "eval": "eval.jsonl",
             "adapter": {"rank": 4}}}, "options": {"batch_size": 8, "learning_rate": 1e-2, "epochs": 2}, "seed": 3}
            """)
        #expect(try place.graft("train", "--recipe", "recipe.json").code == 0)
        let line = try place.train(to: "line", "--eval", "eval.jsonl", "--rank", "4", "--epochs", "2", "--seed", "3")
        #expect(line.code == 0, "\(line.errors)")
        for file in ["adapter_model.safetensors", "adapter_config.json", "head.safetensors", "head_config.json"] {
            #expect(try place.bytes("out/line/\(file)") == place.bytes("line/\(file)"))
        }
    }

    @Test func goesOnWithoutDoubledStepsWhereItWasKilled() throws {
        let text = RecipeCommandTests.recipe.replacing(
            "\"options\": {", with: "\"options\": {\"schedule\": \"constant\", ")
        let place = try place(text)
        let line = ["train", "--recipe", "recipe.json", "--quiet", "--checkpoint-every", "1", "--resume"]
        func run(_ output: String) throws -> Program.Run {
            try place.write("recipe.json", text.replacing("\"out\"", with: "\"\(output)\""))
            return try place.run(line)
        }
        let whole = try run("whole")
        #expect(whole.code == 0, "\(whole.errors)")
        #expect(whole.errors.contains("there was no checkpoint at"))
        try place.write("recipe.json", text)
        try place.killWhenThereIs("out.checkpoint.safetensors", line)
        try #require(place.exists("out.metrics.jsonl") && !place.exists("out/news"))
        let resumed = try run("out")
        #expect(resumed.code == 0, "\(resumed.errors)")
        let (a, b) = (try rows(place, "whole/metrics.jsonl"), try rows(place, "out/metrics.jsonl"))
        #expect(b.compactMap { $0["step"] as? Int } == a.compactMap { $0["step"] as? Int })
        #expect(b.compactMap { $0["loss"] as? Double } == a.compactMap { $0["loss"] as? Double })
        #expect(
            try place.bytes("out/news/adapter_model.safetensors") == place.bytes("whole/news/adapter_model.safetensors")
        )
        let again = try run("out")
        #expect(again.code == 0 && again.errors.contains("this run has finished: out"), "\(again.errors)")
    }

    @Test func freezesAHeadAndWatchesIt() throws {
        let place = try place(
            """
            {"model": "base", "output": "out", "adapters": {"shared": {"rank": 2}},
             "tasks": {
               "tags": {"train": "tags.jsonl", "adapter": "shared"},
               "news": {"eval": "eval.jsonl", "adapter": "shared", "head": {"from": "old", "frozen": true}, "maximum_drop": 1}
             }, "options": {"epochs": 1}}
            """)
        #expect(try place.train(to: "old", "--epochs", "2", "--method", "none").code == 0)
        let run = try place.graft("train", "--recipe", "recipe.json")
        #expect(run.code == 0, "\(run.errors)")
        #expect(try place.bytes("out/news/head.safetensors") == place.bytes("old/head.safetensors"))
        let card = String(decoding: try place.bytes("out/news/README.md"), as: UTF8.self)
        #expect(card.contains("a saved head, frozen") && !card.contains("(training)"))
    }

    @Test(arguments: [
        (["--recipe", "no.json"], 1, "could not read no.json: No such file or directory"),
        (["--recipe", "recipe.json", "--epochs", "3"], 2, "--epochs says nothing with --recipe: the file says it all"),
        (["--recipe", "recipe.json", "--precision", "int8"], 2, "--precision is int8, and recipe.json says float32"),
        (["--model", "base"], 2, "--train FILE is missing"),
        (["--model", "base", "--train", "train.jsonl"], 2, "--output DIR is missing"),
    ])
    func refusesLinesThatContradict(_ words: [String], _ code: Int32, _ message: String) throws {
        let place = try place()
        let run = try place.run(["train"] + words)
        #expect(run.code == code)
        #expect(run.errors.contains(message), "\(run.errors)")
    }

    @Test func refusesALayerThatTheEncoderDoesNotHave() throws {
        let place = try place(RecipeCommandTests.recipe.replacing("[\"heads\"]", with: "[\"heads\", \"layers 2-5\"]"))
        let run = try place.graft("train", "--recipe", "recipe.json")
        #expect(run.code == 1)
        #expect(
            run.errors.contains(
                "recipe.json: stages[0].train is layer 5, expected layers from 0 to 2, as the encoder has"),
            "\(run.errors)")
        #expect(!place.exists("out"))
    }

    @Test func leavesAReportInTheFolderOfASingleTask() throws {
        let place = try Workplace()
        let run = try place.train(to: "news", "--eval", "eval.jsonl", "--epochs", "2", "--method", "none")
        #expect(run.code == 0, "\(run.errors)")
        let report = String(decoding: try place.bytes("news/report.html"), as: UTF8.self)
        #expect(report.contains("<h1>news</h1>") && report.contains("Most mistaken examples"))
        #expect(report.contains("class=\"confusion\""))
        #expect(try rows(place, "news/metrics.jsonl").count == 10 + 2)
        #expect(!place.exists("news.metrics.jsonl"))
    }
}
