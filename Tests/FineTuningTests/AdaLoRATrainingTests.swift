import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Training with ranks that are given out on the way.
@Suite(.serialized) struct AdaLoRATrainingTests {
    private let folder: TemporaryFolder
    private let file: URL

    init() throws {
        folder = try TemporaryFolder()
        file = folder.appending("run.safetensors")
    }

    private static func texts(_ count: Int) -> Dataset {
        let words = [["team", "won", "match", "goal"], ["shares", "bank", "market", "money"]]
        var random = RandomStream(seed: 3, name: "texts")
        return Dataset(
            (0..<count).map { index in
                let text = (0..<4 + index % 5).map { _ in words[index % 2][Int(random.next() % 4)] }
                return Example(text.joined(separator: " "), label: .name(index % 2 == 0 ? "sport" : "money"))
            })
    }

    /// 24 steps from rank 6 to 2, with an average that is kept.
    private func train(
        _ checkpoints: TrainingCheckpoints? = nil, threads: Int = 2, stoppingAfter last: Int? = nil,
        averaging: Bool = false
    ) throws -> TrainedTask {
        let before = Parallel.threads
        defer { Parallel.threads = before }
        Parallel.threads = threads
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (4, 4, 1e-2)
        options.averageDecay = averaging ? 0.8 : nil
        let method = AdaLoRAMethod(
            rank: 6, alpha: 12,
            schedule: RankSchedule(targetRank: 2, warmupSteps: 4, finalSteps: 6, interval: 2))
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        return try model.train(
            "task", on: AdaLoRATrainingTests.texts(24),
            recipe: AdapterRecipe(method, projections: [.query, .output]), options, baseModel: "tiny",
            checkpoints: checkpoints
        ) { progress in
            if case .step(let step) = progress, step.step == last { return .stop }
            return .more
        }
    }

    private func ranks(_ trained: TrainedTask) -> [Int] {
        let adapters = trained.task.adapters
        return adapters.sites.compactMap { (adapters.linear[$0]?.proper as? AdaLoRA)?.a.rows }
    }

    @Test(arguments: [false, true])
    func theRanksOfAllMapsComeDownToTheTarget(averaging: Bool) throws {
        let trained = try train(averaging: averaging)
        let ranks = ranks(trained)
        #expect(ranks.count == 6)
        // A map of which no rank is in use keeps one whose E is zero.
        let used = trained.task.adapters.linear.values.compactMap { $0 as? AdaLoRA }
            .flatMap { trained.task.parameters[$0.e].values }.count { $0 != 0 }
        #expect(used == 12)
        #expect(Set(ranks).count > 1, "ranks go where they matter")
        #expect(trained.report.unmoved.isEmpty)
    }

    @Test(arguments: [1, 4, 7, 12, 18, 20, 23], [false, true])
    func aRunThatIsResumedComesToTheSameBytes(step: Int, averaging: Bool) throws {
        let whole = try train(averaging: averaging)
        let stops = TrainingCheckpoints(in: file)
        _ = try train(stops, threads: 1, stoppingAfter: step, averaging: averaging)
        let resumed = try train(TrainingCheckpoints(in: file, resuming: true), threads: 2, averaging: averaging)
        #expect(resumed.task.parameters.values.map(\.bitPattern) == whole.task.parameters.values.map(\.bitPattern))
        #expect(ranks(resumed) == ranks(whole))
    }
}
