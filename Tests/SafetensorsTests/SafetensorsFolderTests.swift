import Foundation
import Safetensors
import Testing

@Suite("A folder of safetensors")
struct SafetensorsFolderTests {
    private func shard(_ names: [String], value: Float, to url: URL) throws {
        var writer = SafetensorsWriter()
        for name in names { writer.add(name, shape: [2], floats: [value, value]) }
        try writer.write(to: url)
    }

    /// A folder with two shards, the first with `a` and `b`, the second with `c`, and this index.
    private func folder(index: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try shard(["a", "b"], value: 1, to: folder["model-00001-of-00002.safetensors"])
        try shard(["c"], value: 2, to: folder["model-00002-of-00002.safetensors"])
        try Data(index.utf8).write(to: folder["model.safetensors.index.json"])
        return folder
    }

    private func problem(index: String) throws -> SafetensorsError.Problem? {
        let folder = try folder(index: index)
        return #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }?.problem
    }

    private let one = "\"model-00001-of-00002.safetensors\""
    private let two = "\"model-00002-of-00002.safetensors\""

    @Test("with one file gives its tensors, also beside an index")
    func single() throws {
        let folder = try folder(index: "{}")
        try shard(["only"], value: 3, to: folder["model.safetensors"])
        let weights = try SafetensorsFolder(contentsOf: folder.url)
        #expect(weights.names == ["only"])
        #expect(try weights.tensor(named: "only").floats() == [3, 3])
        #expect(weights.files.count == 1)
    }

    @Test("with shards gives the tensors of all behind one interface")
    func sharded() throws {
        let folder = try folder(
            index: """
                {"metadata": {"total_size": 24, "nested": [{"x": [null, true, -1.5e3, "\\""]}]},
                 "weight_map": {"a": \(one), "c": \(two), "b": \(one)}}
                """)
        let weights: any TensorSource = try SafetensorsFolder(contentsOf: folder.url)
        #expect(weights.names == ["a", "b", "c"])
        #expect(try weights.tensor(named: "b").floats() == [1, 1])
        #expect(try weights.tensor(named: "c").floats() == [2, 2])
        let error = #expect(throws: SafetensorsError.self) { try weights.tensor(named: "d") }
        #expect(error?.path == folder.url.path)
    }

    @Test("whose index and shards disagree is refused by the tensor's name")
    func disagreement() throws {
        #expect(
            try problem(index: "{\"weight_map\":{\"a\":\(one),\"b\":\(one),\"c\":\"model-00003.safetensors\"}}")
                == .missingShard("model-00003.safetensors", tensor: "c"))
        #expect(
            try problem(index: "{\"weight_map\":{\"a\":\(one),\"b\":\(two),\"c\":\(two)}}")
                == .notInShard(tensor: "b", shard: "model-00002-of-00002.safetensors"))
        #expect(
            try problem(index: "{\"weight_map\":{\"a\":\(one),\"b\":\(one),\"c\":\(two),\"d\":\(two)}}")
                == .notInShard(tensor: "d", shard: "model-00002-of-00002.safetensors"))
        #expect(
            try problem(index: "{\"weight_map\":{\"a\":\(one),\"c\":\(two)}}")
                == .notInIndex(tensor: "b", shard: "model-00001-of-00002.safetensors"))
        #expect(
            try problem(index: "{\"weight_map\":{\"a\":\(one),\"b\":\(one),\"c\":\(two),\"a\":\(two)}}")
                == .duplicateName("a"))
        let folder = try folder(index: "{\"weight_map\":{\"a\":\(one),\"b\":\(one),\"c\":\(two)}}")
        try shard(["c", "b"], value: 2, to: folder["model-00002-of-00002.safetensors"])
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(
            error?.problem
                == .inTwoShards(
                    tensor: "b", shards: ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]))
    }

    @Test(
        "whose index names a file outside the folder is refused", arguments: ["../x", "/etc/passwd", "a/b", "..", ""])
    func outside(shard: String) throws {
        #expect(try problem(index: "{\"weight_map\":{\"a\":\"\(shard)\"}}") == .shardOutsideFolder(shard))
    }

    @Test("whose index is not the JSON it must be is refused")
    func malformedIndex() throws {
        #expect(try problem(index: "[]") == .malformedJSON(offset: 0, expected: "\"{\""))
        #expect(try problem(index: "{}") == .malformedJSON(offset: 2, expected: "a \"weight_map\""))
        #expect(try problem(index: "{\"x\": ?}") == .malformedJSON(offset: 6, expected: "a value"))
        #expect(try problem(index: "{\"weight_map\":{},\"weight_map\":{}}") == .duplicateName("weight_map"))
        let deep = String(repeating: "[", count: 100_000)
        #expect(
            try problem(index: "{\"x\":\(deep)") == .malformedJSON(offset: 69, expected: "at most 64 levels of nesting")
        )
    }

    @Test("without weights is refused")
    func empty() throws {
        let folder = try TemporaryFolder()
        let none = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(none?.problem == .noWeights)
        let gone = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder["gone"]) }
        #expect(gone?.problem == .noWeights)
    }

    @Test(
        "with weights in another format is refused, naming them and the command that converts them",
        arguments: [
            (["pytorch_model.bin"], ".from_pretrained(m).save_pretrained(m, safe_serialization=True)"),
            (["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"], ".from_pretrained(m).save"),
            (["pytorch_model.bin", "tf_model.h5"], ".from_pretrained(m).save_pretrained("),
            (["tf_model.h5"], ".from_pretrained(m, from_tf=True).save_pretrained("),
            (["flax_model.msgpack", "model.onnx"], ".from_pretrained(m, from_flax=True).save_pretrained("),
        ])
    func otherFormats(names: [String], command: String) throws {
        let folder = try TemporaryFolder()
        for name in names + ["vocab.txt", "training_args.bin"] { _ = try folder.file([1], named: name) }
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        guard case .foreignWeights(names, let conversion?)? = error?.problem else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(conversion.hasPrefix("python3 -c \"import sys, transformers as t; m = sys.argv[1]; "))
        #expect(conversion.hasSuffix("\" '\(folder.url.path)'"))
        #expect(conversion.contains(command))
        let text = error?.description ?? ""
        #expect(text.hasPrefix("\(folder.url.path): the weights are in \(names.joined(separator: ", ")), and only "))
        #expect(text.hasSuffix(conversion))
    }

    @Test("with weights that nothing converts names them; one of a quaint name is quoted for the shell")
    func quaintFolders() throws {
        let folder = try TemporaryFolder()
        _ = try folder.file([1], named: "model.onnx")
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(error?.problem == .foreignWeights(["model.onnx"], conversion: nil))
        // A module of sentence-transformers is no model of transformers.
        _ = try folder.file(Array("{\"in_features\": 32}".utf8), named: "config.json")
        _ = try folder.file([1], named: "pytorch_model.bin")
        let dense = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(dense?.description.contains("s.save_file(torch.load(d + '/pytorch_model.bin'") == true)
        _ = try folder.file(Array("{\"model_type\": \"bert\"}".utf8), named: "config.json")
        let model = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(model?.description.contains("save_pretrained") == true)
        let quaint = folder["it's"]
        try FileManager.default.createDirectory(at: quaint, withIntermediateDirectories: true)
        try Data([1]).write(to: quaint.appendingPathComponent("pytorch_model.bin"))
        let other = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: quaint) }
        #expect(other?.description.hasSuffix(" '\(folder.url.path)/it'\\''s'") == true)
    }

    @Test("with shards of several types gives the numbers of each", arguments: [false, true])
    func mixedTypes(reversed: Bool) throws {
        // Numbers that all of the types hold exactly.
        let numbers: [Float] = [0, -0.0, 1, -1.5, 0.25, 96, -0x1p-14, 240]
        let folder = try TemporaryFolder()
        let types: [ElementType] = [.float16, .bfloat16, .float64, .float32]
        var map: [String] = []
        for (index, type) in (reversed ? types.reversed() : types).enumerated() {
            let shard = "model-0000\(index + 1)-of-00004.safetensors"
            var writer = SafetensorsWriter()
            writer.add(type.rawValue, shape: [2, 4], floats: numbers, as: type)
            try writer.write(to: folder[shard])
            map.append("\"\(type.rawValue)\": \"\(shard)\"")
        }
        let index = "{\"weight_map\": {\(map.joined(separator: ", "))}}"
        try Data(index.utf8).write(to: folder["model.safetensors.index.json"])
        let weights = try SafetensorsFolder(contentsOf: folder.url)
        for type in types {
            let tensor = try weights.tensor(named: type.rawValue)
            #expect(tensor.elementType == type)
            #expect(tensor.byteCount == 8 * type.width)
            #expect(try tensor.floats().map(\.bitPattern) == numbers.map(\.bitPattern))
            #expect(try tensor.rows(1..<2).map(\.bitPattern) == numbers[4...].map(\.bitPattern))
        }
    }

    @Test("with a damaged shard names the shard")
    func damagedShard() throws {
        let index = "{\"weight_map\":{\"a\":\(one),\"b\":\(one),\"c\":\(two)}}"
        let folder = try folder(index: index)
        let shard = folder["model-00002-of-00002.safetensors"]
        try Data(contentsOf: shard).dropLast(3).write(to: shard)
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(error?.path.hasSuffix("model-00002-of-00002.safetensors") == true)
        guard case .truncated? = error?.problem else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
