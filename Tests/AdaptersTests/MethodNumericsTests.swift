import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// What methods start with, drop and are made of.
@Suite struct MethodNumericsTests {
    private func fresh(
        _ method: any AdapterMethod, projections: [Projection]? = nil, on encoder: TransformerEncoder, seed: UInt64 = 1
    ) throws -> (adapters: AdapterSet, parameters: ParameterVector) {
        try AdapterRecipe(method, projections: projections).fresh(for: encoder, seed: seed)
    }

    @Test func ia3GoesWherePEFTPutsIt() throws {
        let bert = try FamilyFixture("bert").encoder().config
        let (mpnet, t5, modern) = (
            try FamilyFixture("mpnet").encoder().config, try FamilyFixture("t5").encoder().config,
            try FamilyFixture("modernbert").encoder().config
        )
        #expect(IA3Method().usualTargets(for: bert) == [.key, .value, .attentionOutput, .output])
        #expect(IA3Method().usualTargets(for: mpnet) == [.key, .value, .output])
        #expect(IA3Method().usualTargets(for: t5) == [.key, .value, .output])
        #expect(IA3Method().usualTargets(for: modern) == [.queryKeyValue, .output])
    }

    /// PEFT says which modules are scaled before them by names, which have to be some of the targets.
    @Test(arguments: [[Projection.key, .output], [.attentionOutput, .output], [.output], [.value, .query]])
    func feedForwardModulesAreTargets(projections: [Projection]) throws {
        let encoder = try FamilyFixture("bert").encoder()
        let (adapters, values) = try fresh(IA3Method(), projections: projections, on: encoder)
        let recipe = AdapterRecipe(IA3Method(), projections: projections)
        let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let data = try Data(contentsOf: folder.appending("adapter_config.json"))
        let fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let (targets, scaled) = (
            try #require(fields["target_modules"] as? [String]),
            try #require(fields["feedforward_modules"] as? [String])
        )
        #expect(Set(scaled).isSubset(of: targets))
        #expect(scaled.isEmpty == (projections == [.value, .query]))
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.adapters.parameters == adapters.parameters)
    }

    /// `factorization` of PEFT 0.21.
    @Test func kroneckerFactorsAreThoseOfPEFT() {
        func extents(_ inputs: Int, _ factor: Int?) -> [Int] {
            let adapter = LoKr(
                name: "x", inputs: inputs, outputs: 1, rank: inputs, scale: 1, decomposesBoth: false, factor: factor,
                dropout: UpdateDropout())
            return [adapter.left.parameters[0].columns, adapter.right.parameters[0].columns]
        }
        #expect(extents(256, nil) == [16, 16])
        #expect(extents(128, nil) == [8, 16])
        #expect(extents(127, nil) == [1, 127])
        #expect(extents(128, 4) == [4, 32])
        #expect(extents(1536, nil) == [32, 48])
        #expect(extents(20, 7) == [4, 5])
        #expect(extents(27, 2) == [1, 27])
    }

    /// More factors than the tiny encoders have room for, on one map of PEFT's.
    @Test func threeButterflyFactorsAreThoseOfPEFT() throws {
        let golden = try GoldenFile("methods/butterfly.safetensors")
        let weight = try golden.matrix("weight")
        let base = FrozenLinear(bias: try golden.floats("bias"), precision: .float32) { weight }
        let adapter = BOFT(
            name: "x", inputs: 24, outputs: 5, blockSize: 2, butterflyFactors: 3, dropoutRate: 0)
        var values = ParameterVector(adapter.parameters)
        func put(_ name: String, _ parameter: Parameter) throws -> Matrix {
            Matrix(rows: parameter.rows, columns: parameter.columns, values: try golden.floats(name))
        }
        values[adapter.rotation] = try put("boft_R", adapter.rotation)
        values[adapter.factors] = try put("boft_s", adapter.factors)
        let x = try golden.matrix("x")
        let pass = Pass(parameters: values, demand: .parametersAndInput)
        let (y, pullback) = adapter.forward(LinearInput(x, for: base), through: base, pass)
        #expect(Closeness.differenceOfLargest(y.values, try golden.floats("y")) < 1e-6)
        var (gradients, dx) = (values.zeroed(), Matrix(rows: x.rows, columns: x.columns))
        let dy = try golden.matrix("dy")
        dx.withMutableView {
            var share = InputGradient(into: $0)
            pullback(dy, &gradients, &share)
        }
        #expect(Closeness.relativeError(dx.values, try golden.floats("dx")) < 1e-6)
        for (name, parameter) in [("boft_R", adapter.rotation), ("boft_s", adapter.factors)] {
            let expected = try golden.floats("gradient.\(name)")
            #expect(Closeness.relativeError(gradients[parameter].values, expected) < 1e-5, "\(name)")
        }
        let merged = adapter.merged(into: base, values)
        let plain = FrozenLinear(bias: base.bias, precision: .float32) { merged }
        let again = plain.forward(LinearInput(x, for: plain), Pass(parameters: values)).y
        #expect(Closeness.differenceOfLargest(again.values, y.values) < 1e-6)
    }

    /// A rotation keeps lengths; the series is one only nearly.
    @Test(arguments: [nil, 5, 9])
    func rotationsKeepLengths(terms: Int?) throws {
        let encoder = try FamilyFixture("bert").encoder()
        let (adapters, start) = try fresh(OFTMethod(cut: .size(5), neumannTerms: terms), on: encoder)
        var values = start
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 3, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.05 * random.normal() })
        }
        let tolerance: Float = terms == nil ? 1e-5 : terms == 5 ? 2e-3 : 1e-5
        for (site, adapter) in adapters.linear {
            let (base, oft) = (encoder[site], try #require(adapter as? OFT))
            let turned = oft.merged(into: base, values)
            #expect(turned != base.weight)
            for row in 0..<turned.rows {
                let lengths = [turned, base.weight].map { $0.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot() }
                #expect(abs(lengths[0] / lengths[1] - 1) < tolerance, "\(site)")
            }
        }
    }

    /// PEFT moves the numbers themselves into the ball, in every forward.
    @Test func whatIsOutsideTheBallCountsAsTheNearestPointInsideAndStaysWhereItIs() throws {
        let fixture = try FamilyFixture("bert", cutTo: 16)
        let encoder = try fixture.encoder()
        let (adapters, start) = try fresh(OFTMethod(cut: .size(10), radius: 0.4), on: encoder)
        var (outside, inside) = (start, start)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 3, name: parameter.name)
            var numbers = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.15 * random.normal() })
            outside[parameter] = numbers
            // Each number stands twice in a block of S.
            for row in 0..<numbers.rows {
                let length = (2 * numbers.row(row).reduce(0) { $0 + $1 * $1 }).squareRoot()
                let most = 0.4 / Float(numbers.rows).squareRoot()
                #expect(length > most)
                for column in 0..<numbers.columns { numbers[row, column] *= most / length }
            }
            inside[parameter] = numbers
        }
        let (found, expected) = (
            encoder.states(fixture.batch, adapters, outside), encoder.states(fixture.batch, adapters, inside)
        )
        #expect(Closeness.differenceOfLargest(found.values, expected.values) < 1e-6)
        let recipe = AdapterRecipe(OFTMethod(cut: .size(10), radius: 0.4))
        let bundle = AdapterBundle(recipe, trained: outside, adapters, on: encoder, baseModel: nil)
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(Closeness.largestDifference(read.parameters.values, inside.values) < 1e-6)
    }

    /// What is dropped of an update is dropped for all tokens, and what is kept is the update's.
    @Test(arguments: [true, false])
    func droppedOutputsAreTheBasesAndKeptOnesTheUpdates(scales: Bool) throws {
        let encoder = try FamilyFixture("bert").encoder()
        let site = Site(layer: 0, projection: .intermediate)
        let base = encoder[site]
        func adapter(_ dropout: UpdateDropout) -> LoKr {
            LoKr(
                name: "x", inputs: base.inputs, outputs: base.outputs, rank: 3, scale: 1, decomposesBoth: true,
                factor: nil, dropout: dropout)
        }
        let dropping = adapter(UpdateDropout(rate: 0.5, scalesKept: scales))
        var values = ParameterVector(dropping.parameters)
        for parameter in dropping.parameters {
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { 0.1 * Float($0 % 7) })
        }
        let x = LinearInput(
            Matrix(rows: 4, columns: base.inputs, values: (0..<4 * base.inputs).map { Float($0 % 11) / 11 }), for: base)
        let plain = base.forward(x, Pass(parameters: values)).y
        let whole = adapter(UpdateDropout()).forward(x, through: base, Pass(parameters: values)).y
        let pass = Pass(parameters: values, dropout: DropoutKey(seed: 1, step: 0))
        let dropped = dropping.forward(x, through: base, pass).y
        #expect(dropping.forward(x, through: base, Pass(parameters: values)).y == whole, "nothing is dropped in use")
        var kept = 0
        for column in 0..<base.outputs where abs(dropped[0, column] - plain[0, column]) > 1e-4 { kept += 1 }
        #expect(kept > 0 && kept < base.outputs)
        let factor = scales ? Float(base.outputs) / Float(kept) : 1
        for column in 0..<base.outputs {
            let isKept = abs(dropped[0, column] - plain[0, column]) > 1e-4
            for row in 0..<4 {
                let update = isKept ? factor * (whole[row, column] - plain[row, column]) : 0
                #expect(abs(dropped[row, column] - plain[row, column] - update) < 1e-4)
            }
        }
        let module = adapter(UpdateDropout(moduleRate: 0.99)).forward(x, through: base, pass).y
        #expect(module == plain)
    }

    /// A prefix whose keys and values come from a network, against PEFT while it trains.
    @Test func aProjectedPrefixTrainsAsInPEFTAndIsSavedAsAPrefix() throws {
        let encoder = try FamilyFixture("bert").encoder()
        let golden = try GoldenFile("methods/bert/golden.safetensors")
        let method = PrefixTuningMethod(tokens: 3, projection: 7)
        let (adapters, start) = try fresh(method, on: encoder)
        var values = start
        let layers = encoder.config.layers
        let width = 2 * encoder.config.hiddenSize
        func peft(_ name: String, _ kind: String) throws -> Matrix { try golden.matrix("projected.\(kind).\(name)") }
        /// A parameter's part of PEFT's tensor.
        func part(_ parameter: Parameter, _ kind: String) throws -> Matrix {
            let ending = parameter.name.hasSuffix("weight") ? "weight" : "bias"
            if parameter.name == "prefix.embeddings" { return try peft("embedding.weight", kind) }
            if parameter.name.contains("first") { return try peft("transform.0.\(ending)", kind) }
            let whole = try peft("transform.2.\(ending)", kind)
            let layer = try #require((0..<layers).first { parameter.name.hasPrefix("layer.\($0).") })
            let numbers = ending == "bias" ? whole.row(0) : []
            return ending == "bias"
                ? Matrix(rows: 1, columns: width, values: numbers[layer * width..<(layer + 1) * width])
                : whole.rows(layer * width..<(layer + 1) * width)
        }
        for parameter in adapters.parameters { values[parameter] = try part(parameter, "value") }
        let pass = Pass(parameters: values, demand: .parametersAndInput)
        let (hidden, pullback) = encoder.forward(try golden.batch(), adapters: adapters, pass)
        #expect(Closeness.differenceOfLargest(hidden.values, try golden.floats("projected.last")) < 1e-5)
        var gradients = values.zeroed()
        let dx = pullback(try golden.dy(), &gradients)
        #expect(Closeness.relativeError(dx.values, try golden.floats("projected.input")) < 1e-5)
        for parameter in adapters.parameters {
            let expected = try part(parameter, "gradient").values
            #expect(Closeness.relativeError(gradients[parameter].values, expected) < 1e-5, "\(parameter.name)")
        }
        let folder = try TemporaryFolder()
        let bundle = AdapterBundle(AdapterRecipe(method), trained: values, adapters, on: encoder, baseModel: nil)
        try bundle.write(into: folder.url)
        let file = try SafetensorsFile(contentsOf: folder.appending("adapter_model.safetensors"))
        #expect(file.names == ["prompt_embeddings"])
        let saved = try file.tensor(named: "prompt_embeddings").floats()
        #expect(Closeness.differenceOfLargest(saved, try golden.floats("projected.saved")) < 1e-6)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        let again = encoder.forward(
            try golden.batch(), adapters: read.adapters, Pass(parameters: read.parameters)
        ).hidden
        #expect(again == hidden)
    }

    @Test func promptsStartAsWordsThatAreGivenOverAndOver() throws {
        let encoder = try FamilyFixture("bert").encoder()
        let (adapters, values) = try fresh(PromptTuningMethod(tokens: 5, start: .words([7, 9])), on: encoder)
        let rows = values[try #require(adapters.prompt).rows]
        let words = encoder.wordEmbeddings(of: [7, 9, 7, 9, 7])
        #expect(rows == words)
        #expect(throws: AdapterError.self) {
            try fresh(PromptTuningMethod(tokens: 5, start: .words([60])), on: encoder)
        }
    }

    /// Virtual tokens take positions, so that texts are shorter; and nothing below them is left to compute once.
    @Test func virtualTokensTakePositionsAndBeginAtTheBottom() throws {
        let encoder = try FamilyFixture("bert").encoder()
        let (prompt, _) = try fresh(PromptTuningMethod(tokens: 5), on: encoder)
        let (prefix, _) = try fresh(PrefixTuningMethod(tokens: 6), on: encoder)
        #expect(encoder.maximumTokens(behind: prompt) == encoder.config.maximumPositions - 5)
        #expect(encoder.maximumTokens(behind: prefix) == encoder.config.maximumPositions - 6)
        #expect(encoder.lowestPart(changedBy: prompt) == .embeddings)
        #expect(encoder.lowestPart(changedBy: prefix) == .embeddings)
        #expect(encoder.lowestPart(changedBy: prefix, training: Set(prefix.parameters)) == .layer(0))
        #expect(encoder.lowestPart(changedBy: prompt, training: []) == nil)
        let unfrozen = try Unfreezing(layers: [2]).deltas(for: encoder, over: prompt)
        let trained = Set(unfrozen.parameters.filter { $0.name.hasPrefix("layer.2") })
        #expect(!trained.isEmpty)
        #expect(encoder.lowestPart(changedBy: unfrozen, training: trained) == .embeddings)
    }

    /// Where the prefix does not train, it acts, and leaves no gradient.
    @Test(arguments: [
        "bert/prefix", "bert/prompt", "bert/vera", "bert/loha", "bert/lokr", "bert/oft", "bert/boft", "bert/ia3",
    ])
    func whatDoesNotTrainLeavesNoGradient(name: String) throws {
        let fixture = try MethodFixture(name)
        let adapters = try Unfreezing(layers: [1]).deltas(for: fixture.encoder, over: fixture.bundle.adapters)
        var values = ParameterVector(adapters.parameters)
        for parameter in fixture.bundle.adapters.parameters { values[parameter] = fixture.bundle.parameters[parameter] }
        let own = Set(fixture.bundle.adapters.parameters)
        let trained = Set(adapters.parameters).subtracting(own)
        let pass = Pass(parameters: values, demand: .parameters, trained: trained)
        // Where something does not train, it may have no place among the gradients.
        var gradients = ParameterVector(adapters.parameters.filter(trained.contains))
        let (hidden, pullback) = fixture.encoder.forward(fixture.batch, adapters: adapters, pass)
        #expect(Closeness.differenceOfLargest(hidden.values, try fixture.floats("last")) < 1e-5)
        _ = pullback(try fixture.golden.dy(), &gradients)
        #expect(gradients.values.contains { $0 != 0 })
    }
}
