import Foundation
import Safetensors
import TestSupport
import Testing

@Suite struct ConvertCommandTests {
    private func convert(
        _ place: Workplace, _ adapter: String, _ format: String, _ output: String, _ more: String...
    ) throws -> Program.Run {
        try place.run(
            ["convert", "--adapter", adapter, "--model", "base", "--to", format, "--output", output] + more)
    }

    private func train(_ place: Workplace, _ output: String, _ words: String...) throws {
        let run = try place.run(
            [
                "train", "--model", "base", "--train", "train.jsonl", "--output", output, "--epochs", "1",
                "--learning-rate", "1e-2", "--quiet",
            ] + words)
        #expect(run.code == 0, "\(run.errors)")
    }

    private func embeddings(_ place: Workplace, _ adapter: String) throws -> [String] {
        try place.graft("embed", "--model", "base", "--adapter", adapter, "a goal", "shares fell").lines
    }

    @Test func anAdapterGoesToTheOtherLibraryAndBack() throws {
        let place = try Workplace.withAdapter()
        let there = try convert(place, "adapter", "adapterhub", "hub")
        #expect(there.code == 0, "\(there.errors)")
        #expect(
            there.lines.prefix(3) == [
                "from PEFT to AdapterHub: 6 linear maps; of the adapter's numbers every number has the same bits",
                "parity: old and new adapter compared on 12 sample texts",
                "  largest difference of an embedding's numbers  0.0",
            ])
        #expect(there.lines.last == "wrote hub")
        #expect(!there.output.contains("left behind"))
        let back = try convert(place, "hub", "peft", "again")
        #expect(back.code == 0, "\(back.errors)")
        let (old, new) = (
            try SafetensorsFile(contentsOf: place["adapter/adapter_model.safetensors"]),
            try SafetensorsFile(contentsOf: place["again/adapter_model.safetensors"])
        )
        #expect(old.names == new.names)
        for name in old.names {
            #expect(try old.tensor(named: name).floats() == new.tensor(named: name).floats(), "\(name)")
        }
        let answers = try ["adapter", "hub", "again"].map { adapter in
            // A task is called as its folder.
            try place.graft("predict", "--model", "base", "--adapter", adapter, "--input", "train.jsonl").lines
                .map { $0.replacing("\"task\":\"\(adapter)\"", with: "") }
        }
        #expect(answers[0] == answers[1] && answers[0] == answers[2])
    }

    @Test func anAdapterGoesThroughTheOtherFormatsAndItsHeadStaysBehind() throws {
        let place = try Workplace.withAdapter()
        let steps = [
            ("adapter", "mlx", "m"), ("m", "gguf", "g.gguf"), ("g.gguf", "adapterhub", "h"), ("h", "peft", "p"),
        ]
        for (source, format, output) in steps {
            let run = try convert(place, source, format, output)
            #expect(run.code == 0, "\(run.errors)")
            #expect(run.lines.contains("  largest difference of an embedding's numbers  0.0"))
            let left = run.lines.filter { $0.hasPrefix("left behind: ") }
            #expect(
                left
                    == (source == "adapter"
                        ? ["left behind: the head (classification, 2 labels): mlx keeps no heads"] : []))
        }
        #expect(try place.names(in: "m") == ["adapter_config.json", "adapters.safetensors"])
        #expect(try embeddings(place, "p") == embeddings(place, "adapter"))
        #expect(
            try place.bytes("p/adapter_model.safetensors") == place.bytes("adapter/adapter_model.safetensors"))
    }

    @Test func aRoundedFileSaysHowFarItIsAndATighterToleranceRefusesIt() throws {
        let place = try Workplace.withAdapter()
        let run = try convert(place, "adapter", "gguf", "half.gguf", "--type", "float16", "--json")
        #expect(run.code == 0, "\(run.errors)")
        let report = try #require(try run.objects().first)
        let difference = try #require(report["embedding_difference"] as? Double)
        #expect(difference > 0 && difference < 5e-3)
        #expect(report["exact"] as? Bool == false && report["from"] as? String == "peft")
        #expect((report["left_behind"] as? [String])?.count == 1)
        let tight = try convert(place, "adapter", "gguf", "tight.gguf", "--type", "float16", "--tolerance", "1e-9")
        #expect(tight.code == 1)
        #expect(tight.errors.contains("more than the tolerance of 1e-09; nothing was written"), "\(tight.errors)")
        #expect(!place.exists("tight.gguf"))
    }

    @Test func whatAFormatDoesNotHaveIsRefusedAndNothingIsWritten() throws {
        let place = try Workplace()
        try train(place, "bottleneck", "--method", "pfeiffer")
        try train(place, "dora", "--method", "dora")
        for (adapter, format, reason) in [
            ("bottleneck", "peft", "it has no method 'pfeiffer'"),
            ("bottleneck", "mlx", "which mlx has no place for: it keeps LoRA and DoRA of linear maps alone"),
            ("dora", "gguf", "which GGUF has no place for: it keeps plain LoRA of linear maps alone"),
            ("dora", "adapterhub", "multiplies the bias of"),
        ] {
            let run = try convert(place, adapter, format, "out")
            #expect(run.code == 1)
            #expect(run.errors.contains(reason), "\(run.errors)")
            #expect(!place.exists("out"))
        }
        let run = try convert(place, "dora", "mlx", "out")
        #expect(run.code == 0, "\(run.errors)")
    }

    @Test func whatIsNoAdapterIsNotReplaced() throws {
        let place = try Workplace.withAdapter()
        for (format, output) in [
            ("gguf", "train.jsonl"), ("gguf", "base"), ("mlx", "base"), ("peft", "train.jsonl"),
        ] {
            let before = try? place.bytes(output)
            let run = try convert(place, "adapter", format, output)
            #expect(run.code == 1, "\(output)")
            #expect(run.errors.contains("could not replace"), "\(run.errors)")
            #expect((try? place.bytes(output)) == before)
        }
        // What is of the same kind is, but for what is converted itself.
        for (format, output) in [("mlx", "out"), ("peft", "out"), ("gguf", "x.gguf"), ("gguf", "x.gguf")] {
            let run = try convert(place, "adapter", format, output)
            #expect(run.code == 0, "\(run.errors)")
        }
        let itself = try convert(place, "adapter", "mlx", "./adapter/")
        #expect(itself.code == 2)
        #expect(itself.errors.contains("--output is the adapter itself"), "\(itself.errors)")
        #expect(place.exists("adapter/head.safetensors"))
    }

    @Test(arguments: [
        (["--to", "mlx", "--type", "float16"], "--type is of the numbers in a GGUF file; --to mlx keeps float32"),
        (["--to", "onnx"], "--to is 'onnx', expected peft, adapterhub, mlx or gguf"),
    ])
    func wrongLinesAreRefused(words: [String], refusal: String) throws {
        let place = try Workplace()
        let run = try place.run(["convert", "--adapter", "a", "--model", "base", "--output", "out"] + words)
        #expect(run.code == 2)
        #expect(run.errors.contains(refusal), "\(run.errors)")
    }

    @Test func aFolderThatIsNoAdapterIsNamed() throws {
        let place = try Workplace()
        let run = try convert(place, "base", "mlx", "out")
        #expect(run.code == 1)
        #expect(run.errors.contains("is no adapter in a known format"), "\(run.errors)")
    }
}
