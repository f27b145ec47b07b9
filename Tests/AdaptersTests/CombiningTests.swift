import Adapters
import Encoders
import Foundation
import Matrices
import TestSupport
import Testing

/// Several adapters made into one.
@Suite struct CombiningTests {
    private let encoder: TransformerEncoder
    private let golden: GoldenFile
    private let batch: PackedBatch

    init() throws {
        encoder = try TinyEncoder.load()
        golden = try GoldenFile("algebra/combinations.safetensors")
        batch = try golden.batch()
    }

    private func bundle(_ name: String) throws -> AdapterBundle {
        try AdapterBundle(contentsOf: Fixtures.url("algebra/\(name)"), for: encoder)
    }

    private func parts(_ weights: [(String, Double)]) throws -> [Combining.Part] {
        try weights.map { Combining.Part($0.0, try bundle($0.0), weight: $0.1) }
    }

    private func hidden(_ bundle: AdapterBundle) -> Matrix {
        encoder.forward(batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters)).hidden
    }

    private func difference(_ left: Matrix, _ right: Matrix) -> Float {
        Closeness.largestDifference(left.values, right.values)
    }

    /// The change of a map's weight.
    private func delta(_ bundle: AdapterBundle, _ site: Site) -> Matrix {
        let map = encoder[site]
        guard let adapter = bundle.adapters.linear[site] as? any MergeableAdapter else {
            return Matrix(rows: map.outputs, columns: map.inputs)
        }
        var delta = adapter.merged(into: map, bundle.parameters)
        delta.add(map.weight, scale: -1)
        return delta
    }

    // MARK: PEFT's

    static let combinations: [(name: String, weights: [(String, Double)], combining: Combining)] = [
        ("cat", [("a", 0.7), ("b", 0.3)], Combining(.cat)),
        ("cat-negative", [("a", 1), ("b", -0.5)], Combining(.cat)),
        ("cat-ranks", [("a", 0.7), ("c", 0.6)], Combining(.cat)),
        ("svd", [("a", 0.7), ("b", 0.3)], Combining(.svd)),
        ("svd-3", [("a", 1), ("c", -1.5)], Combining(.svd, rank: 3)),
        ("linear", [("a", 0.7), ("b", 0.3)], Combining(.linear)),
        ("magnitude", [("a", 0.7), ("b", -0.3)], Combining(.magnitude, rank: 32, density: 0.3)),
        ("ties", [("a", 1), ("b", 1)], Combining(.ties, rank: 32, density: 0.4)),
    ]

    @Test(arguments: combinations.indices)
    func whatPEFTDoesRightComesOutTheSame(index: Int) throws {
        let (name, weights, combining) = CombiningTests.combinations[index]
        let combination = try combining.combine(try parts(weights), on: encoder)
        var compared = 0
        for layer in 0..<3 {
            for projection in TinyEncoder.projections {
                let site = Site(layer: layer, projection: projection)
                let tensor = "\(name).encoder.layer.\(layer)." + module(projection)
                guard golden.names.contains(tensor) else {
                    #expect(combination.maps[site] == nil)
                    continue
                }
                compared += 1
                let found = delta(combination.bundle, site)
                #expect(
                    Closeness.largestDifference(found.values, try golden.floats(tensor)) < 2e-6, "\(name) at \(site)")
            }
        }
        #expect(compared == combination.maps.count && compared > 0)
        let states = hidden(combination.bundle)
        #expect(Closeness.largestDifference(states.values, try golden.floats("\(name).hidden")) < 2e-5)
    }

    private func module(_ projection: Projection) -> String {
        switch projection {
        case .query, .key, .value: "attention.self.\(projection.rawValue)"
        case .attentionOutput: "attention.output.dense"
        case .intermediate: "intermediate.dense"
        default: "output.dense"
        }
    }

    // MARK: What is promised

    @Test(arguments: CombiningMethod.allCases)
    func oneAdapterWithWeightOneIsTheAdapter(method: CombiningMethod) throws {
        for name in ["a", "b", "c"] {
            let bundle = try bundle(name)
            let combination = try Combining(method).combine([.init(name, bundle, weight: 1)], on: encoder)
            #expect(combination.bundle.parameters.values == bundle.parameters.values)
            #expect(combination.bundle.configuration == bundle.configuration)
            #expect(hidden(combination.bundle) == hidden(bundle))
        }
    }

    @Test(arguments: [CombiningMethod.cat, .svd, .dare, .magnitude])
    func anAdapterAndItsNegativeCancel(method: CombiningMethod) throws {
        let negated = try Combining(.cat).combine(parts([("b", -1)]), on: encoder).bundle
        let both = [Combining.Part("b", try bundle("b"), weight: 1), .init("-b", negated, weight: 1)]
        let density: Double? = method.prunes ? 1 : nil
        let combining = Combining(method, rank: method == .cat ? nil : 4, density: density)
        let sum = Result { () throws(CombiningError) in try combining.combine(both, on: encoder) }
        // What is left of the sum is rounding, or nothing at all.
        switch sum {
        case .success(let sum):
            let base = encoder.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
            #expect(difference(hidden(sum.bundle), base) < 1e-5)
        case .failure(let error): #expect(error == .nothingLeft && method != .cat)
        }
    }

    @Test func aNegatedAdapterHasTheOppositeChangeBitForBit() throws {
        let plain = try bundle("a")
        let negated = try Combining(.cat).combine(parts([("a", -1)]), on: encoder).bundle
        for site in plain.adapters.sites {
            let (a, b) = (plain.adapters.linear[site] as? LoRA, negated.adapters.linear[site] as? LoRA)
            let (old, new) = (try #require(a), try #require(b))
            #expect(old.scale == new.scale)
            #expect(plain.parameters[old.a] == negated.parameters[new.a])
            #expect(plain.parameters[old.b].values == negated.parameters[new.b].values.map { -$0 })
        }
    }

    @Test func catIsTheSumOfTheChangesOfWeights() throws {
        let weights = [("a", 0.5), ("b", -2), ("c", 1.25)]
        let combination = try Combining(.cat).combine(parts(weights), on: encoder)
        #expect(combination.relativeError < 1e-7)
        let meant = try #require(combination.meantEncoder(of: encoder))
        let exact = meant.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(difference(hidden(combination.bundle), exact) < 1e-5)
        for site in combination.bundle.adapters.sites {
            var sum = Matrix(rows: encoder[site].outputs, columns: encoder[site].inputs)
            for (name, weight) in weights { sum.add(delta(try bundle(name), site), scale: Float(weight)) }
            #expect(difference(delta(combination.bundle, site), sum) < 1e-6)
        }
    }

    @Test func svdSaysTheErrorThatItMakesAndNoAdapterOfItsRankMakesLess() throws {
        let weights = [("a", 0.7), ("b", 0.8)]
        let exact = try Combining(.cat).combine(parts(weights), on: encoder)
        let site = try #require(exact.bundle.adapters.sites.first)
        var last = Double.infinity
        for rank in [1, 2, 4, 8] {
            let found = try Combining(.svd, rank: rank).combine(parts(weights), on: encoder)
            let map = try #require(found.maps[site])
            var miss = delta(found.bundle, site)
            miss.add(delta(exact.bundle, site), scale: -1)
            let measured = DoubleMatrix(miss).squaredNorm.squareRoot() / map.norm
            #expect(abs(measured - map.relativeError) < 1e-6)
            #expect(map.relativeError < last)
            last = map.relativeError
        }
        #expect(last < 1e-7)
        let linear = try #require(try Combining(.linear).combine(parts(weights), on: encoder).maps[site])
        let best = try #require(try Combining(.svd, rank: 4).combine(parts(weights), on: encoder).maps[site])
        #expect(linear.relativeError > 2 * best.relativeError)
    }

    @Test func energyDecidesTheRankOfEachMap() throws {
        let found = try Combining(.svd, energy: 0.9).combine(parts([("a", 1), ("c", 1)]), on: encoder)
        for map in found.maps.values {
            #expect(map.lostEnergy <= 0.1)
            #expect(map.rank >= 1)
        }
        #expect(Set(found.maps.values.map(\.rank)).count > 1)
        // Ranks that differ are in the file.
        let folder = try TemporaryFolder()
        try found.bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(hidden(read) == hidden(found.bundle))
    }

    @Test(arguments: CombiningMethod.allCases)
    func whatIsWrittenIsReadAgain(method: CombiningMethod) throws {
        let found = try Combining(method).combine(parts([("a", 0.7), ("c", -0.3)]), on: encoder)
        let folder = try TemporaryFolder()
        try found.bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.adapters.sites == found.bundle.adapters.sites)
        #expect(read.parameters.values == found.bundle.parameters.values)
        #expect(hidden(read) == hidden(found.bundle))
    }

    @Test func dareIsAFunctionOfItsSeedAndKeepsTheMean() throws {
        let weights = [("a", 1.0), ("b", 1.0)]
        func dare(_ seed: UInt64) throws -> Matrix {
            hidden(try Combining(.dare, rank: 32, density: 0.5, seed: seed).combine(parts(weights), on: encoder).bundle)
        }
        #expect(try dare(1) == dare(1))
        #expect(try dare(1) != dare(2))
        let exact = try Combining(.cat).combine(parts(weights), on: encoder)
        let site = try #require(exact.bundle.adapters.sites.first)
        var mean = Matrix(rows: encoder[site].outputs, columns: encoder[site].inputs)
        for seed in 0..<200 {
            let found = try Combining(.dare, rank: 32, density: 0.5, seed: UInt64(seed)).combine(
                parts(weights), on: encoder)
            mean.add(delta(found.bundle, site), scale: 1 / 200)
        }
        #expect(Closeness.relativeError(mean.values, delta(exact.bundle, site).values) < 0.12)
    }

    @Test func unfrozenPartsAreAddedNumberByNumber() throws {
        func unfrozen(_ seed: UInt64) throws -> AdapterBundle {
            let start = try bundle("a")
            let adapters = try Unfreezing(layers: [2], norms: true, biases: true).deltas(
                for: encoder, over: start.adapters)
            var values = ParameterVector(adapters.parameters)
            for parameter in adapters.parameters {
                var random = RandomStream(seed: seed, name: parameter.name)
                values[parameter] = Matrix(
                    rows: parameter.rows, columns: parameter.columns,
                    values: (0..<parameter.count).map { _ in 0.05 * random.normal() })
            }
            return start.holding(adapters, values)
        }
        let (first, second) = (try unfrozen(1), try unfrozen(2))
        let found = try Combining(.cat).combine(
            [.init("first", first, weight: 0.5), .init("second", second, weight: 0.25)], on: encoder)
        let meant = try #require(found.meantEncoder(of: encoder))
        let exact = meant.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(difference(hidden(found.bundle), exact) < 2e-5)
        let merged = try (0..<2).map { index in
            let part = index == 0 ? first : second
            return try encoder.mergedTensors(part.adapters, part.parameters)
        }
        let sum = try encoder.mergedTensors(found.bundle.adapters, found.bundle.parameters)
        for (tensor, values) in sum {
            let base = encoder.values(of: tensor)
            var expected = base
            for (part, weight) in zip(merged, [Float(0.5), 0.25]) {
                var change = part[tensor] ?? base
                change.add(base, scale: -1)
                expected.add(change, scale: weight)
            }
            #expect(difference(values, expected) < 1e-6, "\(tensor)")
        }
    }

    // MARK: Refusals

    @Test func whatSaysNothingIsRefused() throws {
        #expect(throws: CombiningError.nothingToCombine) { try Combining(.cat).combine([], on: encoder) }
        #expect(throws: CombiningError.unsuitable(setting: "density", method: .svd)) {
            try Combining(.svd, density: 0.5).combine(parts([("a", 2)]), on: encoder)
        }
        #expect(throws: CombiningError.unsuitable(setting: "rank", method: .cat)) {
            try Combining(.cat, rank: 3).combine(parts([("a", 2)]), on: encoder)
        }
    }

    @Test func aBrokenAdapterIsRefusedByName() throws {
        let start = try bundle("a")
        var values = start.parameters
        let lora = try #require(start.adapters.linear[Site(layer: 1, projection: .value)] as? LoRA)
        var b = values[lora.b]
        b[0, 0] = .infinity
        values[lora.b] = b
        let broken = start.holding(start.adapters, values)
        #expect(throws: CombiningError.notFinite(part: "layer.1.value")) {
            try Combining(.svd).combine([.init("broken", broken, weight: 0.5)], on: encoder)
        }
    }
}
