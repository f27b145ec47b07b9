import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Frozen layers that run once for each text: what training comes to, wherever their features are.
@Suite(.serialized) struct FeatureCacheTests {
    /// A run on the tiny encoder of 3 layers; its evaluation has texts of its own.
    private struct Run {
        var recipe: AdapterRecipe?
        var options = TrainingOptions()
        var threads = 2

        /// - Parameter lowest: the lowest adapted layer; nil: the head alone.
        init(lowest: Int?) {
            recipe = lowest.map {
                AdapterRecipe(
                    rank: 2, alpha: 4, dropoutRate: 0.1, projections: TinyEncoder.projections, layers: Array($0..<3))
            }
            (options.epochs, options.batchSize, options.learningRate) = (3, 4, 1e-2)
        }

        static func texts(_ count: Int, seed: UInt64) -> Dataset {
            let words = [["team", "won", "match", "game", "goal"], ["shares", "bank", "fell", "rose", "market"]]
            var random = RandomStream(seed: seed, name: "texts")
            return Dataset(
                (0..<count).map { index in
                    let text = (0..<3 + Int(random.next() % 20)).map { _ in
                        words[random.next() % 3 == 0 ? 1 - index % 2 : index % 2][Int(random.next() % 5)]
                    }
                    return Example(text.joined(separator: " "), label: .name(index % 2 == 0 ? "sport" : "money"))
                })
        }

        func train(_ checkpoints: TrainingCheckpoints? = nil, stoppingAfter step: Int? = nil) throws -> Outcome {
            let before = Parallel.threads
            defer { Parallel.threads = before }
            Parallel.threads = threads
            var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
            let trained = try model.train(
                "task", on: Run.texts(22, seed: 1), evaluatingOn: Run.texts(15, seed: 3), recipe: recipe, options,
                baseModel: nil, checkpoints: checkpoints
            ) { progress in
                guard case .step(let done) = progress else { return .more }
                return done.step == step ? .stop : .more
            }
            return Outcome(
                values: trained.task.parameters.values, losses: trained.report.epochs.map(\.loss),
                scores: trained.report.epochs.map(\.scores), unmoved: trained.report.unmoved)
        }

        /// The same with some settings changed.
        func with(_ change: (inout Run) -> Void) -> Run {
            var run = self
            change(&run)
            return run
        }
    }

    private struct Outcome: Equatable {
        let values: [Float]
        let losses: [Double]
        let scores: [Scores?]
        let unmoved: [String]
    }

    /// The head alone, the top layer, the upper two.
    static let lowestLayers: [Int?] = [nil, 2, 1]

    @Test(arguments: lowestLayers)
    func inMemoryOnDiskAndNowhereTheBytesAreTheSame(lowest: Int?) throws {
        // Without the encoder's dropout, layers that run in every step give what they gave before.
        let run = Run(lowest: lowest).with { $0.options.dropsInsideEncoder = false }
        let inMemory = try run.train()
        #expect(inMemory.unmoved.isEmpty && inMemory.losses.count == 3)
        #expect(try run.with { $0.options.featureMemory = 0 }.train() == inMemory)
        #expect(try run.with { $0.options.reusesFrozenLayers = false }.train() == inMemory)
    }

    @Test(arguments: lowestLayers)
    func dropoutAboveTheFrozenLayersIsTheSameWhereverFeaturesAre(lowest: Int?) throws {
        let run = Run(lowest: lowest)
        let inMemory = try run.train()
        #expect(try run.with { $0.options.featureMemory = 0 }.train() == inMemory)
        #expect(try run.with { $0.options.reusesFrozenLayers = false }.train() != inMemory, "dropout below it too")
        let dropsNothing = try run.with { $0.options.dropsInsideEncoder = false }.train()
        #expect((dropsNothing == inMemory) == (lowest == nil), "nothing is dropped below the head")
    }

    @Test func aSingleEpochKeepsNothingAndGivesTheSame() throws {
        // A constant rate: the first epoch is the same, however many follow.
        let run = Run(lowest: 1).with { ($0.options.schedule, $0.options.warmup) = (.constant, 0) }
        let first = try run.with { $0.options.epochs = 1 }.train()
        let three = try run.train()
        #expect(first.losses == Array(three.losses.prefix(1)) && first.scores == Array(three.scores.prefix(1)))
    }

    @Test(arguments: [nil, 1] as [Int?])
    func theNumberOfThreadsDoesNotShow(lowest: Int?) throws {
        let run = Run(lowest: lowest)
        let one = try run.with { $0.threads = 1 }.train()
        #expect(try run.with { $0.threads = 2 }.train() == one)
        #expect(try run.with { ($0.threads, $0.options.featureMemory) = (5, 0) }.train() == one)
    }

    @Test func withAnAdapterInTheLowestLayerNothingIsReused() throws {
        let run = Run(lowest: 0)
        #expect(try run.train() == run.with { $0.options.reusesFrozenLayers = false }.train())
    }

    @Test(arguments: [nil, 1] as [Int?], [2, 6, 9])
    func aResumedRunComesToTheSameBytes(lowest: Int?, step: Int) throws {
        let folder = try TemporaryFolder()
        let file = folder.appending("run.safetensors")
        let run = Run(lowest: lowest)
        let expected = try run.train()
        _ = try run.train(TrainingCheckpoints(in: file), stoppingAfter: step)
        // Where features are kept may change on the way, whether they are may not.
        let elsewhere = run.with { $0.options.featureMemory = 0 }
        #expect(try elsewhere.train(TrainingCheckpoints(in: file, resuming: true)) == expected)
        let off = run.with { $0.options.reusesFrozenLayers = false }
        #expect(throws: TrainingCheckpointError.self) {
            try off.train(TrainingCheckpoints(in: file, resuming: true))
        }
    }

    @Test(arguments: 0...3)
    func theEncoderInTwoPartsIsTheEncoder(layer: Int) throws {
        let encoder = try TinyEncoder.load()
        let batch = try GoldenFile("training/ten-steps.safetensors").batch("batch.0.")
        let pass = Pass(parameters: ParameterVector([]))
        let states = encoder.states(entering: layer, batch)
        #expect(states == encoder.hiddenStates(batch)[layer])
        let whole = encoder.forward(batch, adapters: .none, pass).hidden
        #expect(encoder.forward(states, entering: layer, batch, adapters: .none, pass).hidden == whole)
    }
}
