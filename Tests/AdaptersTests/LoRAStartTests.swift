import Adapters
import Encoders
import Foundation
import Matrices
import TestSupport
import Testing

/// How LoRA starts: PEFT's `init_lora_weights` (`Tests/Peers/make_start_fixtures.py`).
@Suite struct LoRAStartTests {
    private let encoder: TransformerEncoder

    init() throws { encoder = try TinyEncoder.load() }

    private func hidden(
        _ encoder: TransformerEncoder, _ adapters: AdapterSet, _ values: ParameterVector, _ batch: PackedBatch
    ) -> Matrix {
        encoder.forward(batch, adapters: adapters, Pass(parameters: values)).hidden
    }

    private func recipe(_ start: LoRAInitialization, rank: Int = 4, projections: [Projection]? = nil) -> AdapterRecipe {
        var method = LoRAMethod(rank: rank, alpha: 2 * Float(rank))
        method.initialization = start
        return AdapterRecipe(method, projections: projections ?? TinyEncoder.projections)
    }

    private func batch() throws -> PackedBatch { try GoldenFile("encoder/states.safetensors").batch() }

    @Test(arguments: [LoRAInitialization.standard, .gaussian, .pissa, .olora])
    func aFreshAdapterChangesNothingBitForBit(start: LoRAInitialization) throws {
        let (adapters, values) = try recipe(start).fresh(for: encoder, seed: 1)
        let batch = try batch()
        let base = hidden(encoder, .none, ParameterVector([]), batch)
        #expect(hidden(encoder, adapters, values, batch) == base)
        #expect(values.values.contains { $0 != 0 })
    }

    @Test func anOrthogonalStartChangesNothingButForRounding() throws {
        let (adapters, values) = try recipe(.orthogonal).fresh(for: encoder, seed: 1)
        let batch = try batch()
        let base = hidden(encoder, .none, ParameterVector([]), batch)
        #expect(Closeness.largestDifference(hidden(encoder, adapters, values, batch).values, base.values) < 1e-5)
        for adapter in adapters.linear.values {
            let lora = try #require(adapter as? LoRA)
            #expect(values[lora.b].values.contains { $0 != 0 })
            let product = DoubleMatrix(values[lora.b]) * DoubleMatrix(values[lora.a])
            let size = (DoubleMatrix(values[lora.b]).squaredNorm * DoubleMatrix(values[lora.a]).squaredNorm)
                .squareRoot()
            #expect(product.squaredNorm.squareRoot() < 1e-6 * size)
        }
    }

    @Test func gaussianHasTheDeviationOfItsRank() throws {
        let (adapters, values) = try recipe(.gaussian, rank: 8).fresh(for: encoder, seed: 3)
        let numbers = adapters.linear.values.compactMap { $0 as? LoRA }.flatMap { values[$0.a].values }
        let square = numbers.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(numbers.count)
        #expect(abs(square.squareRoot() * 8 - 1) < 0.03)
    }

    @Test func oddRanksHaveNoOrthogonalStart() throws {
        let error = #expect(throws: AdapterError.self) { try recipe(.orthogonal, rank: 3).fresh(for: encoder, seed: 1) }
        guard case .cannotStart("orthogonal", _, _) = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    // MARK: Offsets

    /// An adapter with this start, and values as after training.
    private func trained(_ start: LoRAInitialization) throws -> (recipe: AdapterRecipe, AdapterSet, ParameterVector) {
        let recipe = recipe(start)
        var (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 4, name: parameter.name)
            var moved = values[parameter]
            moved.add(
                Matrix(
                    rows: parameter.rows, columns: parameter.columns,
                    values: (0..<parameter.count).map { _ in 0.05 * random.normal() }))
            values[parameter] = moved
        }
        return (recipe, adapters, values)
    }

    @Test(arguments: [LoRAInitialization.pissa, .olora])
    func whatIsSavedIsAPlainLoRAThatDoesTheSame(start: LoRAInitialization) throws {
        let (recipe, adapters, values) = try trained(start)
        let batch = try batch()
        let expected = hidden(encoder, adapters, values, batch)
        #expect(adapters.linear.values.allSatisfy { $0 is OffsetLoRA })
        let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.adapters.linear.values.allSatisfy { ($0 as? LoRA)?.a.rows == 8 })
        let found = hidden(encoder, read.adapters, read.parameters, batch)
        #expect(Closeness.largestDifference(found.values, expected.values) < 1e-5)
        #expect(found == hidden(encoder, bundle.adapters, bundle.parameters, batch))
        let merged = try encoder.merging(adapters, values)
        let plain = hidden(merged, .none, ParameterVector([]), batch)
        #expect(Closeness.largestDifference(plain.values, expected.values) < 1e-4)
    }

    @Test(arguments: [LoRAInitialization.pissa, .olora])
    func gradientsOfAnOffsetAreThoseOfThePlainLoRAOnTheResidual(start: LoRAInitialization) throws {
        let (_, adapters, values) = try trained(start)
        // The base without the part that the adapters begin with, as PEFT makes it.
        var residual: [FrozenTensor: Matrix] = [:]
        var linear: [Site: LoRA] = [:]
        for (site, adapter) in adapters.linear {
            let offset = try #require(adapter as? OffsetLoRA)
            var weight = DoubleMatrix(encoder[site].weight)
            weight.add(DoubleMatrix(offset.startB) * DoubleMatrix(offset.startA), scale: -Double(offset.lora.scale))
            residual[.weight(site)] = weight.rounded
            linear[site] = offset.lora
        }
        let batch = try batch()
        func run(_ encoder: TransformerEncoder, _ adapters: AdapterSet) -> (Matrix, Matrix, Gradients) {
            let (y, pullback) = encoder.forward(
                batch, adapters: adapters, Pass(parameters: values, demand: .parametersAndInput))
            var random = RandomStream(seed: 2, name: "dy")
            let dy = Matrix(rows: y.rows, columns: y.columns, values: (0..<y.count).map { _ in random.normal() })
            var gradients = values.zeroed()
            let dx = pullback(dy, &gradients)
            return (y, dx, gradients)
        }
        let (found, expected) = (run(encoder, adapters), run(encoder.replacing(residual), AdapterSet(linear)))
        #expect(Closeness.relativeError(found.0.values, expected.0.values) < 1e-5)
        #expect(Closeness.relativeError(found.1.values, expected.1.values) < 1e-4)
        #expect(Closeness.relativeError(found.2.values, expected.2.values) < 1e-4)
    }

    @Test(arguments: [LoRAInitialization.pissa, .olora])
    func ranksThatDifferAreSaidInTheFolderEvenWhereLoRAIsRankStabilized(start: LoRAInitialization) throws {
        var method = LoRAMethod(rank: 4, alpha: 6, isRankStabilized: true)
        method.initialization = start
        var recipe = AdapterRecipe(method, projections: TinyEncoder.projections)
        recipe.parts = [.init(layers: [0]), .init(layers: [1, 2], settings: MethodSettings(["rank": .number(2)]))]
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        let moved = try moved(adapters, values)
        let batch = try batch()
        let bundle = AdapterBundle(recipe, trained: moved, adapters, on: encoder, baseModel: nil)
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        let found = hidden(encoder, read.adapters, read.parameters, batch)
        #expect(found == hidden(encoder, bundle.adapters, bundle.parameters, batch))
        #expect(Closeness.largestDifference(found.values, hidden(encoder, adapters, moved, batch).values) < 1e-5)
    }

    private func moved(_ adapters: AdapterSet, _ values: ParameterVector) throws -> ParameterVector {
        var values = values
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 4, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: values[parameter].values.map { $0 + 0.05 * random.normal() })
        }
        return values
    }

    // MARK: With what else LoRA has

    @Test(arguments: ["gaussian", "orthogonal"])
    func doraStartsAtTheBaseFromWhateverLeavesTheWeightWhole(start: String) throws {
        let method = try LoRAMethod(
            MethodSettings(["dora": .flag(true), "initialization": .text(start), "rank": .number(4)]))
        let recipe = AdapterRecipe(method, targets: .allLinear)
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        let batch = try batch()
        let base = hidden(encoder, .none, ParameterVector([]), batch)
        #expect(Closeness.largestDifference(hidden(encoder, adapters, values, batch).values, base.values) < 2e-5)
        let plain = try AdapterRecipe(LoRAMethod(rank: 4), targets: .allLinear).fresh(for: encoder, seed: 1)
        for (site, adapter) in adapters.linear {
            let (dora, lora) = (try #require(adapter as? DoRA), try #require(plain.adapters.linear[site] as? LoRA))
            #expect(values[dora.lora.a] != plain.parameters[lora.a], "\(site)")
        }
    }

    @Test(arguments: ["pissa", "olora"])
    func whatTakesTheWeightApartGoesWithNoLengths(start: String) throws {
        let settings: [String: MethodSettings.Value] = ["dora": .flag(true), "initialization": .text(start)]
        let error = #expect(throws: AdapterError.self) { try LoRAMethod(MethodSettings(settings)) }
        guard case .invalidSetting("initialization", _, _) = error else {
            Issue.record("\(String(describing: error))"); return
        }
        var method = LoRAMethod()
        (method.trainsLengths, method.initialization) = (true, .pissa)
        #expect(throws: AdapterError.self) { try AdapterRecipe(method).fresh(for: encoder, seed: 1) }
    }

    @Test func aBiasBehindBGoesWithTheStandardStartAlone() throws {
        let settings: [String: MethodSettings.Value] = ["lora_bias": .flag(true), "initialization": .text("gaussian")]
        #expect(throws: AdapterError.self) { try LoRAMethod(MethodSettings(settings)) }
        var method = LoRAMethod()
        (method.hasBias, method.initialization) = (true, .olora)
        #expect(throws: AdapterError.self) { try AdapterRecipe(method).fresh(for: encoder, seed: 1) }
    }

    @Test(arguments: ["electra", "albert"])
    func anOffsetStartsOnTheProjectionTooAndTablesAsEver(family: String) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder()
        var method = LoRAMethod(rank: 2)
        (method.initialization, method.trainsBaseBiases) = (.pissa, true)
        let recipe = AdapterRecipe(method, targets: .pattern(".*(embeddings|embedding).*|.*query"))
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        #expect(adapters.embeddings?.projection is OffsetLoRA)
        #expect(adapters.embeddings?.adapters[.words] is TableLoRA)
        let base = hidden(encoder, .none, ParameterVector([]), fixture.batch)
        #expect(hidden(encoder, adapters, values, fixture.batch) == base)
        let moved = try moved(adapters, values)
        let folder = try TemporaryFolder()
        try AdapterBundle(recipe, trained: moved, adapters, on: encoder, baseModel: nil).write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        let found = hidden(encoder, read.adapters, read.parameters, fixture.batch)
        let expected = hidden(encoder, adapters, moved, fixture.batch)
        #expect(Closeness.largestDifference(found.values, expected.values) < 1e-4)
        #expect(Closeness.largestDifference(found.values, base.values) > 1e-2)
    }

    @Test func evaStartsDoRAAndLeavesTablesAsTheyStart() throws {
        let golden = try GoldenFile("starts/eva.safetensors")
        let batches = try (0..<3).map { try golden.batch("\($0).") }
        var method = LoRAMethod(rank: 8)
        (method.initialization, method.trainsLengths) = (.eva, true)
        let recipe = AdapterRecipe(
            method, targets: .names(["query", "value", "attentionOutput", "intermediate", "words"]))
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1, reading: batches)
        #expect(adapters.embeddings?.adapters[.words] is TableLoRA)
        let sites = (0..<3).flatMap { layer in
            [Projection.query, .value, .attentionOutput, .intermediate].map { Site(layer: layer, projection: $0) }
        }
        let start = try EVA().start(
            of: Dictionary(uniqueKeysWithValues: sites.map { ($0, 8) }), on: encoder, reading: batches)
        #expect(Set(start.components.values.map(\.rows)).count > 1)
        #expect(Set(adapters.sites) == Set(start.components.keys))
        for (site, components) in start.components {
            let dora = try #require(adapters.linear[site] as? DoRA)
            #expect(values[dora.lora.a] == components, "\(site)")
        }
        let batch = try batch()
        let base = hidden(encoder, .none, ParameterVector([]), batch)
        #expect(hidden(encoder, adapters, values, batch) == base)
        let folder = try TemporaryFolder()
        let moved = try moved(adapters, values)
        try AdapterBundle(recipe, trained: moved, adapters, on: encoder, baseModel: nil).write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(hidden(encoder, read.adapters, read.parameters, batch) == hidden(encoder, adapters, moved, batch))
    }

    // MARK: PEFT's folders

    @Test(arguments: ["pissa", "olora", "pissa-converted", "olora-converted"])
    func aFolderOfPEFTComputesOnTheWholeBaseWhatPEFTComputesOnTheResidual(name: String) throws {
        let bundle = try AdapterBundle(contentsOf: Fixtures.url("starts/\(name)"), for: encoder)
        let golden = try GoldenFile("starts/\(name.prefix(5)).expected.safetensors")
        let found = hidden(encoder, bundle.adapters, bundle.parameters, try golden.batch())
        #expect(Closeness.largestDifference(found.values, try golden.floats("hidden")) < 5e-5)
    }

    @Test(arguments: ["pissa-dora", "olora-dora"])
    func aFolderOfPEFTWithLengthsDoesTheSameOnTheWholeBase(name: String) throws {
        let bundle = try AdapterBundle(contentsOf: Fixtures.url("starts/\(name)"), for: encoder)
        #expect(bundle.adapters.linear.values.allSatisfy { ($0 as? DoRA)?.lora.a.rows == 8 })
        let golden = try GoldenFile("starts/\(name).expected.safetensors")
        let found = hidden(encoder, bundle.adapters, bundle.parameters, try golden.batch())
        #expect(Closeness.largestDifference(found.values, try golden.floats("hidden")) < 5e-5)
    }

    @Test func theOrthogonalStartIsPEFTsOfTheSameDraws() throws {
        let golden = try GoldenFile("starts/orthogonal.expected.safetensors")
        func drawn(_ name: String) throws -> DoubleMatrix { DoubleMatrix(try golden.matrix(name)) }
        let (a, b) = LoRAInitialization.orthogonal(
            try drawn("square"), inputs: try drawn("inputs"), outputs: try drawn("outputs").transposed)
        let (expectedA, expectedB) = (try golden.matrix("a"), try golden.matrix("b"))
        // The columns of Q have their signs by whoever decomposes, and a row of A that of B's column.
        for index in 0..<a.rows {
            let products = zip(a.row(index), expectedA.row(index)).map { $0 * $1 }
            let sign: Float = products.reduce(0, +) < 0 ? -1 : 1
            #expect(
                Closeness.largestDifference(a.row(index).map { sign * $0 }, Array(expectedA.row(index))) < 1e-6)
            for row in 0..<b.rows { #expect(abs(sign * b[row, index] - expectedB[row, index]) < 1e-6) }
        }
        let bundle = try AdapterBundle(contentsOf: Fixtures.url("starts/orthogonal"), for: encoder)
        let found = hidden(encoder, bundle.adapters, bundle.parameters, try golden.batch())
        #expect(Closeness.largestDifference(found.values, try golden.floats("hidden")) < 1e-5)
    }

    // MARK: Data

    @Test func evaGivesTheComponentsAndRanksOfPEFT() throws {
        let golden = try GoldenFile("starts/eva.safetensors")
        let batches = try (0..<3).map { try golden.batch("\($0).") }
        let sites = (0..<3).flatMap { layer in
            [Projection.query, .value, .attentionOutput, .intermediate].map { Site(layer: layer, projection: $0) }
        }
        let cycled = (0..<20).flatMap { _ in batches }
        let found = try EVA(tau: 0.9).start(
            of: Dictionary(uniqueKeysWithValues: sites.map { ($0, 8) }), on: encoder, reading: cycled)
        #expect(found.unsettled.isEmpty)
        var compared = 0
        for site in sites {
            let name = encoder.config.names.module(of: site)
            guard golden.names.contains(name) else {
                #expect(found.components[site] == nil, "\(name)")
                continue
            }
            let expected = try golden.matrix(name)
            let components = try #require(found.components[site])
            #expect(components.rows == expected.rows, "\(name)")
            for row in 0..<min(components.rows, expected.rows) {
                let cosine = zip(components.row(row), expected.row(row)).reduce(Float(0)) { $0 + $1.0 * $1.1 }
                #expect(abs(cosine) > 0.999, "\(name), component \(row): \(cosine)")
            }
            compared += 1
        }
        #expect(compared > 6)
    }

    @Test func evaNeedsLongEnoughTexts() throws {
        var short = PackedBatch()
        short.append(tokens: [2, 5, 3], segments: [0, 0, 0])
        let error = #expect(throws: AdapterError.self) {
            try EVA().start(of: [Site(layer: 0, projection: .query): 8], on: encoder, reading: [short])
        }
        guard case .cannotStart("eva", _, _) = error else { Issue.record("\(String(describing: error))"); return }
    }

    // MARK: LoftQ

    @Test(arguments: [Precision.int8, .bfloat16])
    func loftqBringsTheRoundedBaseNearerToTheExactOne(precision: Precision) throws {
        let rounded = try TransformerEncoder(contentsOf: TinyEncoder.folder, precision: precision)
        let (adapters, values) = try recipe(.loftq, rank: 8).fresh(for: rounded, seed: 0)
        for site in adapters.sites {
            let lora = try #require(adapters.linear[site] as? LoRA)
            let exact = encoder[site].weight
            var plain = DoubleMatrix(exact)
            plain.add(DoubleMatrix(weight(of: rounded[site])), scale: -1)
            var fitted = plain
            fitted.add(DoubleMatrix(values[lora.b]) * DoubleMatrix(values[lora.a]), scale: -Double(lora.scale))
            #expect(fitted.squaredNorm < 0.8 * plain.squaredNorm, "\(site)")
        }
    }

    /// What a map does to unit vectors.
    private func weight(of map: FrozenLinear) -> Matrix {
        let unit = DoubleMatrix.identity(map.inputs).rounded
        let (y, _) = map.forward(LinearInput(unit, for: map), Pass(parameters: ParameterVector([])))
        var weight = Matrix(rows: map.outputs, columns: map.inputs)
        for row in 0..<map.outputs {
            for column in 0..<map.inputs { weight[row, column] = y[column, row] - map.bias[row] }
        }
        return weight
    }

    /// With s B A the correction whatever the scale is; PEFT's is L R, as if the scale were always 1.
    @Test(arguments: [Float(4), 16])
    func loftqIsPEFTsDecompositionOfWhatRoundingHasLost(alpha: Float) throws {
        let golden = try GoldenFile("starts/loftq.safetensors")
        let rounded = try TransformerEncoder(contentsOf: TinyEncoder.folder, precision: .bfloat16)
        var method = LoRAMethod(rank: 4, alpha: alpha)
        method.initialization = .loftq
        let recipe = AdapterRecipe(method, projections: [.query, .intermediate, .output])
        let (adapters, values) = try recipe.fresh(for: rounded, seed: 0)
        var compared = 0
        for site in adapters.sites {
            let name = encoder.config.names.module(of: site)
            guard golden.names.contains(name) else { continue }
            let lora = try #require(adapters.linear[site] as? LoRA)
            var change = DoubleMatrix(values[lora.b]) * DoubleMatrix(values[lora.a])
            change = DoubleMatrix(
                rows: change.rows, columns: change.columns, values: change.values.map { Double(lora.scale) * $0 })
            #expect(Closeness.differenceOfLargest(change.rounded.values, try golden.floats(name)) < 1e-5, "\(name)")
            compared += 1
        }
        #expect(compared == 3)
    }

    @Test func loftqHasNothingToDoOnAnExactBase() throws {
        let error = #expect(throws: AdapterError.self) { try recipe(.loftq).fresh(for: encoder, seed: 0) }
        guard case .cannotStart("loftq", _, _) = error else { Issue.record("\(String(describing: error))"); return }
    }
}
