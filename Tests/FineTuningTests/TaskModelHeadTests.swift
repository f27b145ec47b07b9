import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Safetensors
import TestSupport
import Testing

/// Heads of transformers' task models in PEFT's own folders, against PEFT in float64
/// (`Tests/Peers/make_task_head_fixtures.py`).
@Suite struct TaskModelHeadTests {
    static let models = CheckpointHeadTests.models
    private static let weights = "adapter_model.safetensors"

    /// A folder's task as its model answers with it.
    private func read(_ name: String, base: String? = nil) throws -> (
        task: TaskAdapter, heads: TaskModelHeads, TransformerEncoder
    ) {
        let folder = Fixtures.url("heads/\(base ?? name)")
        let encoder = try TransformerEncoder(contentsOf: folder)
        let heads = TaskModelHeads(folder, encoder, maximumTokens: 40)
        let task = try TaskAdapter(contentsOf: Fixtures.url("task-heads/\(name)"), for: encoder, heads)
        return (task, heads, encoder)
    }

    private func logits(_ task: TaskAdapter, _ encoder: TransformerEncoder, _ batch: PackedBatch) throws -> Matrix {
        let head = try #require(task.head).head.head
        let model = TaskModel(encoder: encoder, adapters: task.adapters, head: head)
        return model.forward(batch, Pass(parameters: task.parameters)).outputs
    }

    @Test(arguments: models + ["bert-as-usual"])
    func aFolderOfPEFTAnswersAsInPEFT(name: String) throws {
        let (task, _, encoder) = try read(name, base: name == "bert-as-usual" ? "bert" : nil)
        let golden = try GoldenFile("task-heads/\(name).safetensors")
        let found = try logits(task, encoder, golden.batch())
        #expect(Closeness.largestDifference(found.values, try golden.floats("logits")) < 1e-5)
        #expect(task.ignored.isEmpty)
        #expect(
            task.head?.labels
                == (name.hasSuffix("-tokens") ? ["O", "B-team", "I-team"] : ["sport", "business", "technology"]))
    }

    @Test(arguments: models)
    func aFolderOfGraftsHasPEFTsTensors(name: String) throws {
        let (task, heads, encoder) = try read(name)
        let head = try #require(task.head)
        let bundle = AdapterBundle(
            AdapterRecipe(rank: 2, alpha: 3), trained: task.parameters, task.adapters, on: encoder, baseModel: name)
        let saved = try #require(heads.saved(head))
        let own = TaskAdapter(bundle: bundle, head: head).asTaskModel(saved, on: encoder, baseModel: name)
        let folder = try TemporaryFolder()
        try own.write(to: folder.appending("task"), card: "")
        let written = folder.appending("task")

        let peft = try SafetensorsFile(contentsOf: Fixtures.url("task-heads/\(name)/\(Self.weights)"))
        let file = try SafetensorsFile(contentsOf: written.appending(path: Self.weights))
        #expect(Set(file.names) == Set(peft.names))
        for name in file.names {
            let (found, expected) = (try file.tensor(named: name), try peft.tensor(named: name))
            #expect(found.shape == expected.shape, "\(name)")
            #expect(try found.floats() == expected.floats(), "\(name)")
        }
        let (found, expected) = (
            try PEFTConfiguration(contentsOf: written),
            try PEFTConfiguration(contentsOf: Fixtures.url("task-heads/\(name)"))
        )
        #expect(found.taskType == expected.taskType)
        #expect(Set(found.modulesToSave) == Set(expected.modulesToSave).subtracting(["score"]))
        let again = try TaskAdapter(contentsOf: written, for: encoder, heads)
        let batch = try GoldenFile("task-heads/\(name).safetensors").batch()
        #expect(try logits(again, encoder, batch) == logits(task, encoder, batch))
        #expect(again.ignored.isEmpty)
    }

    @Test func aHeadOfOtherLayersIsNotThatOfATaskModel() throws {
        let (_, heads, encoder) = try read("bert")
        let head = ClassificationHead(labels: ["a", "b"], hiddenSize: 16, pooling: .mean)
        let files = HeadFiles(head, ParameterVector(head.parameters), maximumTokens: 8, on: encoder)
        #expect(heads.saved(files) == nil)
    }

    @Test func aHeadAloneIsAFolderThatPEFTKnows() throws {
        let (task, heads, encoder) = try read("bert")
        let head = try #require(task.head)
        let saved = try #require(heads.saved(head))
        let alone = TaskAdapter(bundle: nil, head: head).asTaskModel(saved, on: encoder, baseModel: "bert")
        let folder = try TemporaryFolder()
        try alone.write(to: folder.appending("task"), card: "")
        let read = try TaskAdapter(contentsOf: folder.appending("task"), for: encoder, heads)
        #expect(read.adapters.isEmpty && read.bundle?.configuration.targets == .nothing)
        #expect(read.head == head)
    }

    @Test func aHeadBehindAnAdaptedPoolerIsLeftOutByName() throws {
        let pooler = "base_model.model.bert.pooler.dense"
        let task = try changed("bert-as-usual", on: "bert", target: "pooler.dense") {
            $0[pooler + ".lora_A.weight"] = ([2, 16], [Float](repeating: 1, count: 32))
            $0[pooler + ".lora_B.weight"] = ([16, 2], [Float](repeating: 1, count: 32))
        }
        #expect(task.head == nil && !task.adapters.isEmpty)
        #expect(task.ignored.count == 4 && task.ignored.contains { $0.contains("classifier.weight") })
    }

    /// Reads a copy of PEFT's folder with other tensors, and with one target more.
    private func changed(
        _ name: String = "deberta-v2", on base: String = "deberta-v2", target: String? = nil,
        _ change: (inout [String: (shape: [Int], values: [Float])]) -> Void
    ) throws -> TaskAdapter {
        let folder = try TemporaryFolder()
        let source = Fixtures.url("task-heads/\(name)")
        let file = try SafetensorsFile(contentsOf: source.appending(path: Self.weights))
        var tensors: [String: (shape: [Int], values: [Float])] = [:]
        for name in file.names {
            let tensor = try file.tensor(named: name)
            tensors[name] = (tensor.shape, try tensor.floats())
        }
        change(&tensors)
        var writer = SafetensorsWriter()
        for (name, tensor) in tensors { writer.add(name, shape: tensor.shape, floats: tensor.values) }
        try writer.write(to: folder.appending(Self.weights))
        let data = try Data(contentsOf: source.appending(path: "adapter_config.json"))
        var fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        if let target { fields["target_modules"] = (fields["target_modules"] as? [String] ?? []) + [target] }
        try JSONSerialization.data(withJSONObject: fields).write(to: folder.appending("adapter_config.json"))
        let base = Fixtures.url("heads/\(base)")
        let encoder = try TransformerEncoder(contentsOf: base)
        return try TaskAdapter(
            contentsOf: folder.url, for: encoder, TaskModelHeads(base, encoder, maximumTokens: 40))
    }

    @Test func aHeadThatDoesNotFitIsLeftOutByName() throws {
        let output = "base_model.model.classifier.weight"
        let task = try changed { $0[output] = nil }
        #expect(task.head == nil && !task.adapters.isEmpty)
        #expect(task.ignored.contains { $0.hasPrefix("pooler.dense.weight:") && $0.contains("'classifier.weight'") })
        let misshapen = try changed { $0[output] = ([3, 2], [Float](repeating: 0, count: 6)) }
        #expect(misshapen.head == nil)
        #expect(misshapen.ignored.contains { $0.contains("has shape [3, 2]") && $0.contains("[3, 16]") })
    }
}
