import Foundation
import Testing

@Suite struct TrainCommandTests {
    @Test func writesTheAdapterFolderAndKeepsTheBestEpoch() throws {
        let place = try Workplace()
        let base = try place.snapshot(of: "base")
        let run = try place.train(to: "adapters/news", "--eval", "eval.jsonl", "--epochs", "5")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors.hasPrefix("objective: classification, guessed from the labels of train.jsonl\n"))
        #expect(run.errors.contains("epoch 5/5  mean loss "))
        #expect(run.lines.first?.wholeMatch(of: /kept epoch [1-5] of 5/) != nil, "\(run.output)")
        #expect(run.lines.last == "wrote adapters/news")
        let names = [
            "README.md", "adapter_config.json", "adapter_model.safetensors", "head.safetensors", "head_config.json",
            "metrics.jsonl", "report.html", "training_run.json",
        ]
        #expect(try place.names(in: "adapters/news") == names)
        #expect(try place.names(in: "adapters") == ["news"], "no draft is left")
        #expect(try place.snapshot(of: "base") == base, "the base model is not touched")
    }

    @Test func endsItsJSONWithWhatTheRunCameTo() throws {
        let place = try Workplace()
        let run = try place.train(to: "news", "--eval", "eval.jsonl", "--epochs", "2", "--json", "--quiet")
        #expect(run.code == 0)
        #expect(run.errors == "")
        #expect(run.lines.count == 1)
        let report = try #require(try run.objects().last)
        for field in ["tokens_per_second", "seconds", "peak_memory_bytes"] {
            #expect(try #require(report[field] as? Double) > 0, "\(field)")
        }
        // Query and value of 3 layers, each 8 × 32 and 32 × 8; a head of 2 × 32 and 2.
        #expect(report["trained_parameters"] as? Int == 3 * 2 * 2 * 8 * 32 + 2 * 32 + 2)
        #expect(report["steps"] as? Int == 10)
        #expect((report["losses"] as? [Double])?.count == 2)
        #expect((report["scores"] as? [String: Any])?["examples"] as? Int == 6)
        #expect(report["interrupted"] as? Bool == false)
    }

    @Test func learnsWithoutEvaluationAndKeepsTheLastEpoch() throws {
        let place = try Workplace()
        let run = try place.train(to: "news", "--epochs", "2", "--json")
        let report = try #require(try run.objects().last)
        #expect(report["best_epoch"] as? Int == 2)
        #expect(report["scores"] is NSNull)
        let card = String(decoding: try place.bytes("news/README.md"), as: UTF8.self)
        #expect(!card.contains("Scores"))
    }

    @Test(arguments: [("int8", "int8"), ("float32", "float32"), ("auto", nil)])
    func saysWhichPrecisionItTrainedIn(_ asked: String, _ expected: String?) throws {
        let place = try Workplace()
        let run = try place.train(to: "news", "--epochs", "1", "--precision", asked, "--json")
        let found = try #require(try run.objects().last?["precision"] as? String)
        #expect(found == expected ?? found)
        #expect(found != "auto")
        let card = String(decoding: try place.bytes("news/README.md"), as: UTF8.self)
        #expect(card.contains("| precision of the frozen weights | \(found) |"))
        // The card's command makes it again anywhere.
        #expect(card.contains("--precision \(found)") && !card.contains("--precision auto"))
        let again = try place.train(to: "again", "--epochs", "1", "--precision", found, "--json")
        #expect(again.code == 0, "\(again.errors)")
        #expect(
            try place.bytes("again/adapter_model.safetensors") == place.bytes("news/adapter_model.safetensors"))
    }

    @Test func learnsTheSameFromTables() throws {
        let place = try Workplace()
        let rows = Workplace.trainingTexts.map { "\($0.text),\($0.label)\n" }.joined()
        try place.write("train.csv", "sentence,topic\n" + rows)
        #expect(try place.train(to: "from-lines", "--epochs", "1").code == 0)
        let run = try place.graft(
            "train", "--model", "base", "--train", "train.csv", "--text-field", "sentence", "--label-field", "topic",
            "--output", "from-table", "--batch-size", "8", "--learning-rate", "1e-2", "--epochs", "1")
        #expect(run.code == 0, "\(run.errors)")
        for file in ["adapter_model.safetensors", "head.safetensors"] {
            #expect(try place.bytes("from-table/\(file)") == place.bytes("from-lines/\(file)"))
        }
    }

    @Test func givesTheSameBytesForTheSameSeedOnAnyNumberOfThreads() throws {
        let place = try Workplace()
        for (output, seed, threads) in [("one", "3", "1"), ("two", "3", "2"), ("again", "3", "2"), ("other", "4", "2")]
        {
            let run = try place.train(
                to: output, "--eval", "eval.jsonl", "--epochs", "2", "--adapter-dropout", "0.1", "--seed", seed,
                "--threads", threads)
            #expect(run.code == 0, "\(run.errors)")
        }
        for file in ["adapter_model.safetensors", "head.safetensors"] {
            let first = try place.bytes("one/\(file)")
            #expect(try place.bytes("two/\(file)") == first)
            #expect(try place.bytes("again/\(file)") == first)
            #expect(try place.bytes("other/\(file)") != first)
        }
    }

    @Test func trainsTheHeadAlone() throws {
        let place = try Workplace()
        let run = try place.train(to: "head", "--method", "none", "--epochs", "1", "--json")
        #expect(try run.objects().last?["trained_parameters"] as? Int == 66)
        let names = [
            "README.md", "head.safetensors", "head_config.json", "metrics.jsonl", "report.html", "training_run.json",
        ]
        #expect(try place.names(in: "head") == names)
        #expect(try place.graft("predict", "--model", "base", "--adapter", "head", "a goal").code == 0)
    }

    @Test func keepsTheBestEpochWhenItIsInterrupted() throws {
        let place = try Workplace()
        let run = try place.train(
            to: "news", "--eval", "eval.jsonl", "--epochs", "100000", interruptionAfter: "epoch 2/")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors.contains("stopping after this step; the best epoch so far goes to news"))
        #expect(run.lines.first?.wholeMatch(of: /stopped; kept epoch \d+, the best so far/) != nil, "\(run.output)")
        #expect(run.lines.last == "wrote news")
        #expect(try place.graft("predict", "--model", "base", "--adapter", "news", "a goal").code == 0)
    }

    @Test func replacesItsOwnFolderAndNoOther() throws {
        let place = try Workplace.withAdapter()
        let old = try place.bytes("adapter/head.safetensors")
        #expect(try place.train(to: "adapter", "--epochs", "1").code == 0)
        #expect(try place.bytes("adapter/head.safetensors") != old)

        // A README is no mark of ours: most folders have one, model folders too.
        try place.write("base/README.md", "# A model")
        let base = try place.snapshot(of: "base")
        let ontoBase = try place.train(to: "base", "--epochs", "1")
        #expect(ontoBase.code == 1)
        #expect(
            ontoBase.errors.contains("base: Directory not empty; it holds no head_config.json, so it is not replaced"))
        #expect(!ontoBase.errors.contains("epoch"), "said before the work, not after it")
        #expect(try place.snapshot(of: "base") == base)

        let merge = try place.graft("merge", "--model", "base", "--adapter", "adapter", "--output", "merged")
        #expect(merge.code == 0, "\(merge.errors)")
        let ontoMerged = try place.train(to: "merged", "--epochs", "1")
        #expect(ontoMerged.code == 1)
        #expect(ontoMerged.errors.contains("it holds config.json, so it is a folder of another kind"))
        #expect(try place.train(to: "train.jsonl").errors.contains("choose a folder, or remove this file first"))
    }

    @Test func leavesTheOldFolderWhereTheDiskIsFull() throws {
        let place = try Workplace.withAdapter()
        let (old, names) = (try place.snapshot(of: "adapter"), try place.names())
        let run = try place.graft(
            "train", "--model", "base", "--train", "train.jsonl", "--output", "adapter", "--epochs", "1",
            fileBlocks: 8)
        #expect(run.code == 1)
        #expect(run.errors.contains("adapter_model.safetensors: File too large"), "\(run.errors)")
        #expect(run.output == "")
        #expect(try place.snapshot(of: "adapter") == old)
        #expect(try place.names() == (names + ["adapter.metrics.jsonl"]).sorted(), "no draft is left")
    }

    @Test(arguments: [
        ("", "train.jsonl: there is no example in it"),
        ("{\"text\": \"a\", \"label\": \"b\"}\nnot json\n", "train.jsonl:2: this line is not JSON: not json"),
        ("[1]\n", "train.jsonl:1: this line is a list, expected a JSON object such as"),
        ("{\"txet\": \"a\", \"label\": \"b\"}\n", "train.jsonl:1: there is no 'text'; there is 'label', 'txet'"),
        ("{\"text\": \"a\"}\n", "train.jsonl:1: there is no 'label'"),
        (
            "{\"text\": \"a\", \"label\": \"b\"}\n{\"text\": \"c\", \"label\": \"b\"}\n",
            "train.jsonl: all 2 examples are labelled 'b'; a classification needs two labels at least"
        ),
    ])
    func refusesDataThatCannotBeLearnedFrom(_ data: String, _ words: String) throws {
        let place = try Workplace()
        try place.write("train.jsonl", data)
        let run = try place.train(to: "news")
        #expect(run.code == 1)
        #expect(run.errors.contains("graft train: " + words), "\(run.errors)")
        #expect(run.output == "")
        #expect(!place.exists("news"))
    }

    @Test func refusesWhatIsNotThereOrDoesNotFit() throws {
        let place = try Workplace()
        try place.write("other.jsonl", "{\"text\": \"a\", \"label\": \"sprot\"}\n")
        let unknown = try place.train(to: "news", "--eval", "other.jsonl")
        #expect(unknown.code == 1)
        #expect(
            unknown.errors.hasSuffix(
                "other.jsonl:1: the label 'sprot' is not one of the known labels 'business', 'sport' (did you mean 'sport'?)\n"
            ))
        let layers = try place.train(to: "news", "--layers", "2-3")
        #expect(layers.code == 1)
        #expect(layers.errors.hasSuffix("there is no layer 3: the encoder has layers 0 to 2\n"))
        let rate = try place.train(
            to: "diverged", "--head-learning-rate", "1e30", "--clip", "0", "--warmup", "0")
        #expect(rate.code == 1)
        #expect(rate.errors.contains(/the (loss|norm of the gradient) of step \d+ .* (not a number|infinite)/))
        #expect(
            rate.errors.contains("Try a lower learning rate")
                && rate.errors.contains("what was good until then is in diverged"))
        #expect(place.exists("diverged/head.safetensors"))
        let report = String(decoding: try place.bytes("diverged/report.html"), as: UTF8.self)
        #expect(report.contains("The run ended early: the "))
        let misuse = try place.train(to: "news", "--epochs", "none")
        #expect(misuse.code == 2)
        #expect(misuse.errors.hasPrefix("graft train: --epochs is 'none', expected a whole number from 1 to 100000\n"))
        let missing = try place.graft("train", "--model", "base", "--train", "no.jsonl", "--output", "news")
        #expect(missing.code == 1)
        #expect(missing.errors.contains("no.jsonl: No such file or directory"))
        #expect(!place.exists("news"))
    }

    @Test func whereFeaturesAreKeptChangesNoByteOfTheFolder() throws {
        let place = try Workplace()
        let line = ["--epochs", "3", "--layers", "1-2", "--eval", "eval.jsonl"]
        #expect(try place.train(to: "memory", line[0], line[1], line[2], line[3], line[4], line[5]).code == 0)
        for limit in ["0", "1kB", "2MB"] {
            let run = try place.train(
                to: "limited", line[0], line[1], line[2], line[3], line[4], line[5], "--feature-memory", limit)
            #expect(run.code == 0, "\(run.errors)")
            for file in ["adapter_model.safetensors", "head.safetensors"] {
                #expect(try place.bytes("limited/\(file)") == place.bytes("memory/\(file)"))
            }
        }
        #expect(try place.train(to: "off", "--epochs", "3", "--layers", "1-2", "--feature-cache", "off").code == 0)
        #expect(try place.bytes("off/head.safetensors") != place.bytes("memory/head.safetensors"), "dropout below")
        let card = String(decoding: try place.bytes("memory/README.md"), as: UTF8.self)
        #expect(card.contains("as its config says, from layer 1 on: none below it trains"))
    }
}
