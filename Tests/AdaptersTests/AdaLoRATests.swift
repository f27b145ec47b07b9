import Adapters
import Encoders
import Foundation
import Matrices
import TestSupport
import Testing

/// AdaLoRA against PEFT's (`Tests/Peers/make_adalora_fixtures.py`).
@Suite struct AdaLoRATests {
    private static let steps = 8
    private let encoder: TransformerEncoder
    private let golden: GoldenFile
    private let adapters: AdapterSet
    private let layout: ParameterVector.Layout

    init() throws {
        encoder = try TinyEncoder.load()
        golden = try GoldenFile("adalora/steps.safetensors")
        let method = AdaLoRAMethod(
            rank: 4, alpha: 6,
            schedule: RankSchedule(
                targetRank: 2, warmupSteps: 1, finalSteps: 2, interval: 1, sensitivityDecay: 0.8,
                uncertaintyDecay: 0.7, orthogonality: 0.3))
        let sites = [1, 2].flatMap { layer in
            [Projection.query, .intermediate].map { Site(layer: layer, projection: $0) }
        }
        adapters = try method.fresh(at: sites, on: encoder, seed: 0).adapters
        layout = ParameterVector.Layout(adapters.parameters)
    }

    /// The values of all parameters that the fixture has under a prefix.
    private func values(_ prefix: String) throws -> ParameterVector {
        var values = ParameterVector(layout)
        for site in adapters.sites {
            let module = prefix + encoder.config.names.module(of: site)
            guard let adapter = adapters.linear[site] as? AdaLoRA else { continue }
            values[adapter.a] = try golden.matrix(module + ".lora_A")
            values[adapter.e] = Matrix(
                rows: 1, columns: adapter.e.columns, values: try golden.floats(module + ".lora_E"))
            values[adapter.b] = try golden.matrix(module + ".lora_B")
        }
        return values
    }

    @Test func ranksAreGivenOutAsPEFTGivesThem() throws {
        var allocation = try #require(RankAllocation(adapters, layout))
        for step in 0..<AdaLoRATests.steps {
            let expected = try values("\(step).value.")
            // What the optimizer left, before ranks were taken away: the next step's gradients were taken at what came after.
            let gradients = try values("\(step).gradient.")
            var found = step == 0 ? try values("start.") : try values("\(step - 1).value.")
            found.withMutableValues { found in
                for index in found.indices { found[index] -= 0.1 * gradients.values[index] }
            }
            allocation.allocate(&found, gradients, step: step, of: AdaLoRATests.steps)
            for site in adapters.sites {
                guard let adapter = adapters.linear[site] as? AdaLoRA else { continue }
                let (e, goldenE) = (found[adapter.e].values, expected[adapter.e].values)
                #expect(e.map { $0 == 0 } == goldenE.map { $0 == 0 }, "step \(step) at \(site)")
            }
            #expect(Closeness.largestDifference(found.values, expected.values) < 1e-5, "step \(step)")
        }
        #expect(allocation.isInUse.count { $0 } == 8)
    }

    @Test func orthogonalityIsThatOfPEFTWithItsGradient() throws {
        let allocation = try #require(RankAllocation(adapters, layout))
        let start = try values("start.")
        var gradients = try values("task.")
        let share = allocation.regularize(&gradients, start) { _ in true }
        #expect(abs(share - Double(try golden.floats("0.regularization")[0])) < 1e-6)
        #expect(Closeness.relativeError(gradients.values, try values("0.gradient.").values) < 1e-5)
    }

    @Test func aFolderOfPEFTComputesWhatPEFTComputes() throws {
        let bundle = try AdapterBundle(contentsOf: Fixtures.url("adalora/folder"), for: encoder)
        let expected = try GoldenFile("adalora/folder.expected.safetensors")
        let batch = try expected.batch()
        func hidden(_ bundle: AdapterBundle) -> Matrix {
            encoder.forward(batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters)).hidden
        }
        #expect(Closeness.largestDifference(hidden(bundle).values, try expected.floats("read")) < 1e-5)
        #expect(Closeness.largestDifference(hidden(bundle).values, try expected.floats("model")) < 1e-5)
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(hidden(read) == hidden(bundle))
        // It is of low rank, and can be combined.
        let negated = try Combining(.cat).combine([.init("folder", bundle, weight: -1)], on: encoder)
        let sum = try Combining(.cat).combine(
            [.init("folder", bundle, weight: 1), .init("negated", negated.bundle, weight: 1)], on: encoder)
        let base = encoder.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(Closeness.largestDifference(hidden(sum.bundle).values, base.values) < 1e-5)
    }

    @Test func ranksThatAreNotInUseAreNotSaved() throws {
        let last = AdaLoRATests.steps - 1
        let values = try values("\(last).value.")
        let method = AdaLoRAMethod(rank: 4, alpha: 6)
        let recipe = AdapterRecipe(method, projections: [.query, .intermediate], layers: [1, 2])
        let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
        let ranks = bundle.adapters.sites.map { (bundle.adapters.linear[$0] as? AdaLoRA)?.a.rows ?? 0 }
        #expect(ranks.reduce(0, +) <= 9)
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.parameters.values == bundle.parameters.values)
        let batch = try golden.batch()
        let states = [bundle, read].map {
            encoder.forward(batch, adapters: $0.adapters, Pass(parameters: $0.parameters)).hidden
        }
        #expect(states[0] == states[1])
        let whole = encoder.forward(batch, adapters: adapters, Pass(parameters: values)).hidden
        #expect(Closeness.largestDifference(states[0].values, whole.values) < 1e-5)
    }

    @Test func theGradientIsThatOfTheTask() throws {
        // Checked against differences of the function itself: E is one number a rank.
        let values = try values("start.")
        let batch = try golden.batch()
        func value(_ values: ParameterVector) -> (Double, Gradients?) {
            let (y, pullback) = encoder.forward(
                batch, adapters: adapters, Pass(parameters: values, demand: .parameters))
            var random = RandomStream(seed: 2, name: "dy")
            let dy = Matrix(rows: y.rows, columns: y.columns, values: (0..<y.count).map { _ in random.normal() })
            var gradients = values.zeroed()
            _ = pullback(dy, &gradients)
            return (zip(y.values, dy.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }, gradients)
        }
        let gradients = try #require(value(values).1)
        for adapter in adapters.linear.values.compactMap({ $0 as? AdaLoRA }) {
            for parameter in adapter.parameters {
                var (up, down) = (values, values)
                var direction = gradients[parameter]
                let norm = DoubleMatrix(direction).squaredNorm.squareRoot()
                direction = DoubleMatrix(direction, scale: 1 / norm).rounded
                var (plus, minus) = (values[parameter], values[parameter])
                plus.add(direction, scale: 0.01)
                minus.add(direction, scale: -0.01)
                (up[parameter], down[parameter]) = (plus, minus)
                let slope = (value(up).0 - value(down).0) / 0.02
                #expect(abs(slope - norm) < 0.02 * norm, "\(parameter.name)")
            }
        }
    }
}
