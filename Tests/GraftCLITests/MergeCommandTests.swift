import Foundation
import Safetensors
import Testing

@Suite struct MergeCommandTests {
    private func merge(_ place: Workplace, _ words: String...) throws -> Program.Run {
        try Program.run(
            ["merge", "--model", "base", "--adapter", "adapter", "--output", "merged"] + words, in: place[""])
    }

    @Test func writesAModelThatAnswersAsBaseAndAdapterDid() throws {
        let place = try Workplace.withAdapter()
        let (base, adapter) = (try place.snapshot(of: "base"), try place.snapshot(of: "adapter"))
        let run = try merge(place)
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors == "")
        #expect(run.lines.first == "certificate: merged and adapted outputs compared on 12 sample texts")
        #expect(run.lines.last == "wrote merged")
        #expect(try place.snapshot(of: "base") == base)
        #expect(try place.snapshot(of: "adapter") == adapter)

        let adapted = try place.graft(
            "predict", "--model", "base", "--adapter", "adapter", "--input", "train.jsonl", "--precision", "float32")
        let merged = try place.graft(
            "predict", "--model", "merged", "--input", "train.jsonl", "--precision", "float32")
        #expect(merged.code == 0, "\(merged.errors)")
        for (left, right) in zip(try adapted.objects(), try merged.objects()) {
            #expect(left["label"] as? String == right["label"] as? String)
            let (left, right) = (left["score"] as? Double, right["score"] as? Double)
            #expect(abs(try #require(left) - #require(right)) < 1e-5)
        }
        #expect(merged.lines.count == adapted.lines.count)
    }

    @Test func copiesWhatNoAdapterTouchedByteForByte() throws {
        let place = try Workplace.withAdapter()
        #expect(try merge(place).code == 0)
        let before = try SafetensorsFile(contentsOf: place["base/model.safetensors"])
        let after = try SafetensorsFile(contentsOf: place["merged/model.safetensors"])
        #expect(after.names == before.names)
        var changed: [String] = []
        for name in before.names {
            let (old, new) = (try before.tensor(named: name), try after.tensor(named: name))
            #expect(new.shape == old.shape && new.elementType == old.elementType)
            if old.withBytes({ Data($0) }) != new.withBytes({ Data($0) }) { changed.append(name) }
        }
        let expected = (0..<3).flatMap { layer in
            ["query", "value"].map { "encoder.layer.\(layer).attention.self.\($0).weight" }
        }
        #expect(changed.sorted() == expected)
        for file in ["config.json", "tokenizer.json", "vocab.txt", "modules.json", "1_Pooling/config.json"] {
            #expect(try place.bytes("merged/\(file)") == place.bytes("base/\(file)"), "\(file)")
        }
    }

    @Test(arguments: [("bfloat16", ElementType.bfloat16), ("float16", .float16)])
    func roundsToTheTypeAskedFor(_ name: String, _ type: ElementType) throws {
        let place = try Workplace.withAdapter()
        let run = try merge(place, "--type", name, "--json")
        #expect(run.code == 0, "\(run.errors)")
        let certificate = try #require(try run.objects().first)
        let difference = try #require(certificate["embedding_difference"] as? Double)
        #expect(difference > 0)
        #expect(difference <= (try #require(certificate["tolerance"] as? Double)))
        #expect(certificate["output"] as? String == "merged")
        let file = try SafetensorsFile(contentsOf: place["merged/model.safetensors"])
        #expect(file.names.allSatisfy { file[$0]?.elementType == type })
        #expect(try place.graft("predict", "--model", "merged", "a goal").code == 0)
    }

    @Test func writesNothingBeyondTheTolerance() throws {
        let place = try Workplace.withAdapter()
        let names = try place.names()
        let run = try merge(place, "--type", "float16", "--tolerance", "0")
        #expect(run.code == 1)
        #expect(run.output == "")
        #expect(run.errors.contains(/merged and adapted outputs differ by [0-9.e-]+, more than the tolerance of 0.0;/))
        #expect(try place.names() == names)
    }

    @Test func comparesOnSamplesOfTheUser() throws {
        let place = try Workplace.withAdapter()
        let run = try merge(place, "--samples", "eval.jsonl", "--json")
        #expect(try run.objects().first?["texts"] as? Int == 6)
    }

    @Test func replacesItsOwnFolderAndNoOther() throws {
        let place = try Workplace.withAdapter()
        #expect(try merge(place).code == 0)
        #expect(try merge(place).code == 0)

        let base = try place.snapshot(of: "base")
        let words = ["merge", "--model", "base", "--adapter", "adapter", "--output"]
        let ontoBase = try Program.run(words + ["./base"], in: place[""])
        #expect(ontoBase.code == 1)
        #expect(ontoBase.errors.contains("is the base model itself, which other adapters still need"), "\(ontoBase)")
        #expect(try place.snapshot(of: "base") == base)

        try FileManager.default.copyItem(at: place["base"], to: place["other"])
        let ontoOther = try Program.run(words + ["other"], in: place[""])
        #expect(ontoOther.code == 1)
        #expect(ontoOther.errors.contains("it holds no head_config.json, so it is not replaced; choose another folder"))

        let adapter = try place.snapshot(of: "adapter")
        let ontoAdapter = try Program.run(words + ["adapter"], in: place[""])
        #expect(ontoAdapter.code == 1)
        #expect(ontoAdapter.errors.contains("it holds adapter_config.json, so it is a folder of another kind"))
        #expect(try place.snapshot(of: "adapter") == adapter)

        try FileManager.default.createDirectory(at: place["letters"], withIntermediateDirectories: true)
        try place.write("letters/one.txt", "Dear reader,")
        #expect(try Program.run(words + ["letters"], in: place[""]).code == 1)
        #expect(try place.bytes("letters/one.txt") == Data("Dear reader,".utf8))
    }

    @Test func copiesTheFoldersOfAllModules() throws {
        let place = try Workplace.withAdapter()
        try place.lay("pooling/dense", over: "base")
        let run = try merge(place)
        #expect(run.code == 0, "\(run.errors)")
        let (base, merged) = (try place.snapshot(of: "base"), try place.snapshot(of: "merged"))
        let ofModules = base.keys.filter { $0.contains("/") }.sorted()
        #expect(ofModules.contains("3_Dense/model.safetensors"))
        for file in ofModules + ["modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"] {
            #expect(merged[file] == base[file], "\(file)")
        }
        #expect(try place.graft("embed", "--model", "merged", "a goal").code == 0)
    }

    @Test func leavesNothingWhereTheDiskIsFull() throws {
        let place = try Workplace.withAdapter()
        let names = try place.names()
        let run = try place.graft(
            "merge", "--model", "base", "--adapter", "adapter", "--output", "merged", fileBlocks: 20)
        #expect(run.code == 1)
        #expect(run.errors.contains("model.safetensors: File too large"), "\(run.errors)")
        #expect(try place.names() == names)
    }
}
