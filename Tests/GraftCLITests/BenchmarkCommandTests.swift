import Foundation
import Testing

/// What is measured is this machine's affair; what is tested is that everything is, and that it adds up.
@Suite struct BenchmarkCommandTests {
    private static let parts: Set<String> = [
        "linear_forward", "linear_backward", "attention_forward", "attention_backward", "norm", "activation",
        "adapter", "embeddings", "head", "optimizer", "packing", "tokenizer", "rest", "waiting",
    ]

    /// Runs it on the tiny encoder, each figure for as short as can be, with an empty cache.
    private func benchmark(_ place: Workplace, _ words: String...) throws -> Program.Run {
        let line = ["benchmark", "--model", "base", "--seconds", "0", "--limit", "8", "--batch-size", "4", "--quiet"]
        return try Program.run(
            line + words, in: place["."], environment: ["GRAFT_CACHE": place["cache"].path(percentEncoded: false)])
    }

    private func object(_ run: Program.Run) throws -> [String: Any] {
        #expect(run.code == 0, "\(run.errors)")
        return try #require(run.objects().first)
    }

    @Test(arguments: [1, 2, 3])
    func thePartsOfAStepAddUpToIt(threads: Int) throws {
        let place = try Workplace()
        let run = try benchmark(
            place, "--only", "training", "--json", "--data", "train.jsonl", "--threads", "\(threads)")
        let training = try #require(object(run)["training"] as? [String: Any])
        let breakdown = try #require(training["breakdown"] as? [String: Any])
        let parts = try #require(breakdown["parts"] as? [String: Double])
        let seconds = try #require(breakdown["seconds"] as? Double)
        #expect(Set(parts.keys) == Self.parts)
        #expect(abs(parts.values.reduce(0, +) - seconds) <= 1e-6 * seconds)
        for (part, time) in parts { #expect(time >= -1e-6 * seconds, "\(part)") }
        // Everything that a step does was seen; it cuts no text into tokens.
        for part in Self.parts.subtracting(["packing", "tokenizer", "waiting"]) {
            #expect(try #require(parts[part]) > 0, "\(part)")
        }
        #expect(parts["tokenizer"] == 0)
        if threads == 1 {
            #expect(try #require(parts["waiting"]) <= 1e-6 * seconds)
            #expect(training["tokens_per_second_on_one_thread"] is NSNull)
        } else {
            #expect(try #require(training["tokens_per_second_on_one_thread"] as? Double) > 0)
        }
    }

    @Test func figuresFollowFromEachOther() throws {
        let place = try Workplace()
        let report = try object(benchmark(place, "--json", "--data", "train.jsonl", "--threads", "2", "--no-dropout"))
        #expect(report["threads"] as? Int == 2)
        #expect(report["texts"] as? Int == 8)
        #expect((report["text_source"] as? String)?.hasSuffix("train.jsonl") == true)

        let ceilings = try #require(report["ceilings"] as? [[String: Any]])
        #expect(ceilings.map { $0["precision"] as? String } == ["float32", "bfloat16", "int8"])
        for ceiling in ceilings {
            #expect(try #require(ceiling["one_thread"] as? Double) > 0)
            #expect(try #require(ceiling["all_threads"] as? Double) > 0)
        }
        let products = try #require(report["products"] as? [[String: Any]])
        for product in products {
            let extents = try ["rows", "depth", "columns"].map { try #require(product[$0] as? Double) }
            let seconds = try #require(product["seconds"] as? Double)
            let rate = try #require(product["operations_per_second"] as? Double)
            #expect(abs(rate * seconds / (2 * extents.reduce(1, *)) - 1) < 1e-9)
        }
        let inference = try #require(report["inference"] as? [[String: Any]])
        #expect(inference.map { $0["kind"] as? String } == ["one_short", "many_short", "many_long", "as_they_are"])
        #expect(inference.map { $0["texts"] as? Int } == [1, 256, 32, 8])
        for batch in inference {
            let (tokens, seconds) = (batch["tokens"] as? Double ?? 0, batch["seconds"] as? Double ?? 0)
            #expect(tokens > 0 && seconds > 0)
            #expect(abs((batch["tokens_per_second"] as? Double ?? 0) * seconds / tokens - 1) < 1e-9)
        }
        let training = try #require(report["training"] as? [String: Any])
        #expect(training["texts"] as? Int == 4)
        let adapters = try #require(report["adapters"] as? [String: Any])
        for name in ["load", "swap", "batch", "mixed_batch", "merge", "written_merge"] {
            #expect(try #require(adapters["\(name)_seconds"] as? Double) > 0, "\(name)")
        }
        let load = try #require(report["load"] as? [String: Double])
        #expect(Set(load.keys) == ["seconds", "with_first_text_seconds"])
        let memory = try #require(report["peak_memory_bytes"] as? [String: Int])
        #expect(Set(memory.keys) == ["start", "ceilings", "products", "inference", "training", "adapters", "load"])
        #expect(try #require(memory["load"]) >= #require(memory["start"]))
    }

    @Test func measuresWhatIsAskedForAlone() throws {
        let place = try Workplace()
        let report = try object(benchmark(place, "--json", "--only", "adapters,load", "--data", "train.jsonl"))
        let sections: Set = ["ceilings", "products", "inference", "training", "adapters", "load"]
        #expect(sections.intersection(report.keys) == ["adapters", "load"])
    }

    @Test func saysWhichTextsAndPrintsATable() throws {
        let place = try Workplace()
        let run = try benchmark(place, "--only", "ceilings,training")
        #expect(run.code == 0)
        #expect(run.errors == "")
        #expect(run.output.contains("texts    8 of a dozen sentences of Graft's own"))
        for line in [
            "Ceilings: ", "  format    one thread", "  float32", "Training step: 4 texts, ", "  the step  ", "Memory",
        ] {
            #expect(run.output.contains("\n\(line)"), "\(line) in\n\(run.output)")
        }
        #expect(!run.output.contains("Adapters\n"))
    }

    @Test func refusesTextsWithoutAWord() throws {
        let place = try Workplace()
        try place.write("empty.txt", " \n\n")
        let run = try benchmark(place, "--data", "empty.txt")
        #expect(run.code == 1)
        #expect(
            run.errors.contains("the texts of empty.txt have no words to measure on; name another file with --data"))
        let unknown = try benchmark(place, "--only", "speed")
        #expect(unknown.code == 2)
        #expect(
            unknown.errors.contains(
                "--only is 'speed', expected ceilings, products, inference, training, adapters or load"))
    }
}
