import Files
import Foundation
import ModelHub
import Testing

/// Which of a repository's files are fetched, and which repositories are refused.
@Suite("The files of a pull", .timeLimit(.minutes(2)))
struct NeededFilesTests {
    private let model = ServedModel()

    @Test("of a sharded model fetches the index and the shards")
    func shards() throws {
        let folder = try TemporaryFolder()
        var sharded = model
        sharded.files["model.safetensors"] = nil
        sharded.files["model-00001-of-00002.safetensors"] = Data("one".utf8)
        sharded.files["model-00002-of-00002.safetensors"] = Data("two".utf8)
        let index =
            "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", "
            + "\"b\": \"model-00002-of-00002.safetensors\"}}"
        sharded.files["model.safetensors.index.json"] = Data(index.utf8)
        let server = try LoopbackServer { [sharded] in sharded.answer($0) }
        let pull = try ModelPull(server.address, into: folder)
        let pulled = try pull.run("tiny/encoder")
        #expect(try folder.files(below: snapshotPath).filter { $0.contains("safetensors") }.count == 3)
        #expect(try pull.run("tiny/encoder").source == .huggingFaceCache)
        // With a shard gone, the model is not there.
        try FileManager.default.removeItem(
            at: pulled.folder.appendingPathComponent("model-00002-of-00002.safetensors"))
        #expect(try pull.run("tiny/encoder").source != .huggingFaceCache)
        #expect(try folder.files(below: snapshotPath).filter { $0.contains("safetensors") }.count == 3)
        // With one that the repository does not have, it never will be.
        sharded.files["model-00002-of-00002.safetensors"] = nil
        let half = try TemporaryFolder()
        let (error, _) = try refusedPull(in: half) { [sharded] in sharded.answer($0) }
        guard case .missingFile(_, "model-00002-of-00002.safetensors", _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!FileManager.default.fileExists(atPath: half["\(repositoryPath)/snapshots"].path))
        // An index that names files elsewhere is none.
        for name in ["../evil.safetensors", "/evil.safetensors", "a/b.safetensors", "evil.bin", ""] {
            var hostile = sharded
            hostile.files["model.safetensors.index.json"] = Data("{\"weight_map\": {\"a\": \"\(name)\"}}".utf8)
            let (error, server) = try refusedPull(in: try TemporaryFolder()) { [hostile] in hostile.answer($0) }
            guard case .unexpectedAnswer("model.safetensors.index.json", _)? = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(server.requests.allSatisfy { !$0.path.contains("evil") })
        }
    }

    @Test("of a repository that is no encoder names what is missing")
    func missingFiles() throws {
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            let folder = try TemporaryFolder()
            var incomplete = model
            incomplete.files[name] = nil
            incomplete.files["pytorch_model.bin"] = nil
            let (error, server) = try refusedPull(in: folder) { [incomplete] in incomplete.answer($0) }
            guard case .missingFile("tiny/encoder", name, _)? = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test("takes the vocabulary of any of the tokenizers, whole")
    func tokenizers() throws {
        for (names, isEnough) in [
            (["vocab.txt"], true), (["spiece.model"], true), (["spm.model"], true), (["sentencepiece.bpe.model"], true),
            (["vocab.json", "merges.txt"], true), (["vocab.json"], false), (["merges.txt"], false),
        ] {
            let folder = try TemporaryFolder()
            var other = model
            other.files["tokenizer.json"] = nil
            for name in names + ["added_tokens.json", "tokenizer_config.json"] { other.files[name] = Data(name.utf8) }
            let server = try LoopbackServer { [other] in other.answer($0) }
            let pull = try ModelPull(server.address, into: folder)
            guard isEnough else {
                let error = #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder") }
                #expect(error?.description.contains("vocab.json with merges.txt") == true)
                continue
            }
            _ = try pull.run("tiny/encoder")
            let expected =
                fetchedFiles.filter { $0 != "tokenizer.json" } + names
                + ["added_tokens.json", "tokenizer_config.json"]
            #expect(try folder.files(below: snapshotPath) == expected.sorted())
        }
    }

    @Test("brings the head of a model that Graft merged along")
    func head() throws {
        let folder = try TemporaryFolder()
        var merged = model
        merged.files["head_config.json"] = Data("{}".utf8)
        merged.files["head.safetensors"] = Data("head".utf8)
        let server = try LoopbackServer { [merged] in merged.answer($0) }
        _ = try ModelPull(server.address, into: folder).run("tiny/encoder")
        let expected = fetchedFiles + ["head.safetensors", "head_config.json"]
        #expect(try folder.files(below: snapshotPath) == expected.sorted())
    }

    @Test("of a repository without safetensors names what it has and the command that converts it")
    func otherFormats() throws {
        func error(_ names: [String], modules: Bool = false) throws -> String {
            var other = model
            other.files["model.safetensors"] = nil
            other.files["pytorch_model.bin"] = nil
            other.files["modules.json"] = modules ? Data("[]".utf8) : nil
            for name in names { other.files[name] = Data("x".utf8) }
            let (error, server) = try refusedPull(in: try TemporaryFolder()) { [other] in other.answer($0) }
            #expect(
                error == .noSafetensors(model: "tiny/encoder", found: names.sorted(), isSentenceTransformer: modules))
            #expect(server.requests.count == 1)
            let text = error?.description ?? ""
            for name in names { #expect(text.contains(name)) }
            #expect(text.contains("--revision refs/pr/N"))
            return text
        }
        let torch = try error(["pytorch_model.bin"])
        #expect(torch.contains("python3 -c \"import transformers as t; m = 'tiny/encoder'; d = './encoder'; "))
        #expect(torch.contains(".from_pretrained(m).save_pretrained(d, safe_serialization=True)"))
        let shards = try error(["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "tf_model.h5"])
        #expect(shards.contains(".from_pretrained(m).save_pretrained("))
        #expect(try error(["tf_model.h5"]).contains(".from_pretrained(m, from_tf=True).save_pretrained("))
        #expect(try error(["flax_model.msgpack"]).contains(".from_pretrained(m, from_flax=True).save_pretrained("))
        #expect(
            try error(["pytorch_model.bin"], modules: true).contains(
                "from sentence_transformers import SentenceTransformer as M; "
                    + "M('tiny/encoder').save_pretrained('./encoder')"))
    }

    @Test("says which module it leaves out because its weights are in another format")
    func unreadableModule() throws {
        let folder = try TemporaryFolder()
        var other = model
        other.files["2_Dense/config.json"] = Data("{}".utf8)
        other.files["2_Dense/pytorch_model.bin"] = Data("x".utf8)
        other.files["3_Dense/config.json"] = Data("{}".utf8)
        other.files["3_Dense/model.safetensors"] = Data("y".utf8)
        other.files["3_Dense/pytorch_model.bin"] = Data("y".utf8)
        let server = try LoopbackServer { [other] in other.answer($0) }
        var leftOut: [String] = []
        _ = try ModelPull(server.address, into: folder).run("tiny/encoder") {
            if case .leftOut(let file, _) = $0 { leftOut.append(file) }
        }
        #expect(leftOut == ["2_Dense/pytorch_model.bin"])
        let dense = try folder.files(below: snapshotPath).filter { $0.contains("Dense") }
        #expect(dense == ["2_Dense/config.json", "3_Dense/config.json", "3_Dense/model.safetensors"])
    }
}
