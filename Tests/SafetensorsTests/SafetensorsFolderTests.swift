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

    @Test("without weights is refused, naming what could be converted")
    func empty() throws {
        let folder = try TemporaryFolder()
        let none = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(none?.problem == .noWeights(found: nil))
        _ = try folder.file([1], named: "pytorch_model.bin")
        let other = #expect(throws: SafetensorsError.self) { try SafetensorsFolder(contentsOf: folder.url) }
        #expect(other?.problem == .noWeights(found: "pytorch_model.bin"))
    }
}
