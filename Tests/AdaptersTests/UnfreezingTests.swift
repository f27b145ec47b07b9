import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// What unfreezing does on every kind of encoder, whatever is unfrozen.
@Suite struct UnfreezingTests {
    static let families = [
        "albert", "albert-groups", "bert", "deberta-v2", "deberta-v3", "distilbert", "electra", "modernbert", "mpnet",
        "roberta", "t5", "t5-relu",
    ]

    static let choices = [
        Unfreezing(layers: [0]), Unfreezing(embeddings: true), Unfreezing(norms: true), Unfreezing(biases: true),
        Unfreezing(layers: [0], embeddings: true, norms: true, biases: true),
    ]

    /// Those of ``choices`` that an encoder has something for.
    private func choices(_ encoder: TransformerEncoder) -> [Unfreezing] {
        let hasBiases =
            encoder.config.normHasBias || encoder.config.attentionHasBias || encoder.config.feedForwardHasBias
        return Self.choices.map { choice in
            var choice = choice
            choice.biases = choice.biases && hasBiases
            return choice
        }.filter { !$0.isEmpty }
    }

    /// A LoRA on all usual maps with `unfreezing` over it, all values random.
    private func random(
        _ unfreezing: Unfreezing, _ encoder: TransformerEncoder, hasLoRA: Bool = true
    ) throws -> (adapters: AdapterSet, values: ParameterVector) {
        let lora = hasLoRA ? try AdapterRecipe().fresh(for: encoder, seed: 1).adapters : .none
        let adapters = try unfreezing.deltas(for: encoder, over: lora)
        var values = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 5, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.1 * random.normal() })
        }
        return (adapters, values)
    }

    private func hidden(
        _ fixture: FamilyFixture, _ encoder: TransformerEncoder, _ adapters: AdapterSet, _ values: ParameterVector
    ) -> Matrix {
        encoder.forward(fixture.batch, adapters: adapters, Pass(parameters: values)).hidden
    }

    @Test(arguments: families, [Precision.float32, .bfloat16, .int8])
    func whatIsUnfrozenAndNotTrainedYetChangesNoBit(family: String, precision: Precision) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder(precision)
        let base = hidden(fixture, encoder, .none, ParameterVector([]))
        for choice in choices(encoder) {
            let fresh = try choice.deltas(for: encoder)
            #expect(hidden(fixture, encoder, fresh, ParameterVector(fresh.parameters)) == base, "\(choice)")
            let lora = try AdapterRecipe().fresh(for: encoder, seed: 1)
            let over = try choice.deltas(for: encoder, over: lora.adapters)
            var values = ParameterVector(over.parameters)
            for parameter in lora.adapters.parameters { values[parameter] = lora.parameters[parameter] }
            #expect(hidden(fixture, encoder, over, values) == base, "\(choice) over LoRA")
        }
    }

    @Test(arguments: families)
    func mergedIsAdaptedBitForBitWithoutAnAdapter(family: String) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder()
        for choice in choices(encoder) {
            let (adapters, values) = try random(choice, encoder, hasLoRA: false)
            let merged = try encoder.merging(adapters, values)
            let plain = hidden(fixture, merged, .none, ParameterVector([]))
            #expect(plain == hidden(fixture, encoder, adapters, values), "\(choice)")
            #expect(plain != hidden(fixture, encoder, .none, ParameterVector([])), "\(choice)")
        }
    }

    @Test(arguments: families, [Precision.float32, .bfloat16])
    func mergedIsAdapted(family: String, precision: Precision) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder(precision)
        for choice in choices(encoder) {
            let (adapters, values) = try random(choice, encoder)
            let merged = hidden(fixture, try encoder.merging(adapters, values), .none, ParameterVector([]))
            let adapted = hidden(fixture, encoder, adapters, values)
            let tolerance: Float = precision == .float32 ? 1e-5 : 0.05
            #expect(Closeness.differenceOfLargest(merged.values, adapted.values) < tolerance, "\(choice)")
        }
    }

    @Test(arguments: families)
    func whatIsWrittenIsReadToTheSameBytes(family: String) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder()
        for choice in choices(encoder) {
            for recipe in [nil, AdapterRecipe()] {
                let (adapters, values) = try random(choice, encoder, hasLoRA: recipe != nil)
                let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: family)
                let folder = try TemporaryFolder()
                try bundle.write(into: folder.url)
                let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
                #expect(read.configuration == bundle.configuration)
                #expect(read.adapters.parameters == adapters.parameters, "\(choice)")
                #expect(read.parameters.values == bundle.parameters.values, "\(choice)")
                #expect(
                    hidden(fixture, encoder, read.adapters, read.parameters)
                        == hidden(fixture, encoder, adapters, bundle.parameters), "\(choice)")
                // The file has what trained, and nothing else but names.
                let file = folder.appending("adapter_model.safetensors")
                let header = try Data(contentsOf: file).prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                #expect(try Data(contentsOf: file).count == 8 + header + 4 * values.layout.count)
            }
        }
    }

    @Test(arguments: families)
    func whatTrainsLearnsTheSameWhateverElseDoes(family: String) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder()
        let all = try random(Unfreezing.everything(of: encoder.config), encoder)
        func gradients(_ trained: Set<Parameter>?, _ layout: [Parameter]) throws -> Gradients {
            let pass = Pass(parameters: all.values, demand: .parameters, trained: trained)
            let (_, pullback) = encoder.forward(fixture.batch, adapters: all.adapters, pass)
            // There is no room for what does not train.
            var gradients = Gradients(layout)
            _ = pullback(try fixture.dy(), &gradients)
            return gradients
        }
        let parameters = all.adapters.parameters
        let whole = try gradients(nil, parameters)
        var choices = parameters.indices.filter { $0 % 5 == 2 }.map { [parameters[$0]] }
        choices += (0..<4).map { part in parameters.indices.filter { $0 % 4 == part }.map { parameters[$0] } }
        for choice in choices {
            let some = try gradients(Set(choice), choice)
            for parameter in choice {
                #expect(some[parameter] == whole[parameter], "\(parameter.name) alone or with some, of \(family)")
                #expect(whole[parameter].values.contains { $0 != 0 }, "\(parameter.name) of \(family)")
            }
        }
    }

    @Test(arguments: families)
    func theLowestPartThatTrainsIsWhereTheStatesBelowAreFrozen(family: String) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder()
        let (adapters, values) = try random(Unfreezing.everything(of: encoder.config), encoder)
        let top = encoder.config.distinctLayers - 1
        let trained = Set(adapters.places.filter { $0.value.layer == top }.map(\.key))
        let lowest = try #require(encoder.lowestPart(changedBy: adapters, training: trained))
        #expect(encoder.lowestPart(changedBy: adapters) == .embeddings)
        guard case .layer(let layer) = lowest else { Issue.record("\(lowest)"); return }
        #expect(family.hasPrefix("albert") || layer == top)
        let pass = Pass(parameters: values, demand: .parameters, trained: trained)
        let states = encoder.states(entering: layer, fixture.batch, adapters: adapters, pass)
        let (upper, pullback) = encoder.forward(states, entering: layer, fixture.batch, adapters: adapters, pass)
        let (hidden, wholePullback) = encoder.forward(fixture.batch, adapters: adapters, pass)
        #expect(upper == hidden)
        var (found, expected) = (values.zeroed(), values.zeroed())
        _ = pullback(try fixture.dy(), &found)
        _ = wholePullback(try fixture.dy(), &expected)
        #expect(found.values == expected.values)
        #expect(encoder.lowestPart(changedBy: adapters, training: []) == nil)
    }

    @Test func rowsOfTheTablesThatNoTokenReadsHaveNoGradient() throws {
        let fixture = try FamilyFixture("bert")
        let encoder = try fixture.encoder()
        let (adapters, values) = try random(Unfreezing(embeddings: true), encoder)
        var batch = PackedBatch()
        batch.append(tokens: [7, 9, 7], segments: [0, 0, 1])
        let (_, pullback) = encoder.forward(batch, adapters: adapters, Pass(parameters: values, demand: .parameters))
        var gradients = values.zeroed()
        var random = RandomStream(seed: 1, name: "dy")
        let dy = (0..<3 * encoder.config.hiddenSize).map { _ in random.normal() }
        _ = pullback(Matrix(rows: 3, columns: encoder.config.hiddenSize, values: dy), &gradients)
        let seen: [EmbeddingTable: Set<Int>] = [.words: [7, 9], .positions: [0, 1, 2], .segments: [0, 1]]
        for (table, parameter) in adapters.embeddings?.tables ?? [:] {
            let gradient = gradients[parameter]
            let rows = (0..<gradient.rows).filter { gradient.row($0).contains { $0 != 0 } }
            #expect(Set(rows) == seen[table], "\(table)")
        }
    }

    @Test func everyParameterHasItsPlace() throws {
        let encoder = try FamilyFixture("modernbert").encoder()
        let lora = try AdapterRecipe(layers: [1]).fresh(for: encoder, seed: 0).adapters
        let adapters = try Unfreezing(layers: [2], embeddings: true, norms: true).deltas(for: encoder, over: lora)
        let places = adapters.places
        #expect(Set(places.keys) == Set(adapters.parameters))
        func place(_ name: String) -> AdapterSet.Place? { places.first { $0.key.name == name }?.value }
        let upper = try #require(place("layer.1.queryKeyValue.lora_B"))
        #expect(upper.part == .adapters && upper.layer == 1 && upper.isUpper && !upper.isVector)
        #expect(place("layer.1.queryKeyValue.lora_A")?.isUpper == false)
        let weight = try #require(place("layer.2.output.weight"))
        #expect(weight.part == .layers && weight.layer == 2 && !weight.isVector)
        let norm = try #require(place("layer.0.feedForwardNorm.weight"))
        #expect(norm.part == .norms && norm.layer == 0 && norm.isVector && !norm.isBias)
        #expect(place("finalNorm.weight")?.layer == 2)
        #expect(place("embeddings.words")?.part == .embeddings)
        #expect(place("embeddings.words")?.layer == nil)
    }

    @Test func unfreezingAgainAddsToWhatIsUnfrozen() throws {
        let encoder = try FamilyFixture("bert").encoder()
        let lora = try AdapterRecipe().fresh(for: encoder, seed: 0).adapters
        let biases = try Unfreezing(biases: true).deltas(for: encoder, over: lora)
        let whole = try Unfreezing(layers: [2]).deltas(for: encoder, over: biases)
        let again = try Unfreezing(layers: [2], biases: true).deltas(for: encoder, over: whole)
        #expect(Set(again.parameters) == Set(whole.parameters))
        #expect(Set(biases.parameters).isSubset(of: whole.parameters))
        #expect(whole.parameters.count == biases.parameters.count + 6 + 2)
    }

    // MARK: Refusals

    @Test func aLayerThatDoesNotExistIsRefused() throws {
        for (family, layer, layers) in [("bert", 3, 3), ("albert", 1, 1)] {
            let error = #expect(throws: AdapterError.self) {
                try Unfreezing(layers: [0, layer]).deltas(for: FamilyFixture(family).encoder())
            }
            guard case .noSuchLayer(layer, layers: layers) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func biasesOfAFamilyWithoutAreRefused() throws {
        let error = #expect(throws: AdapterError.self) {
            try Unfreezing(biases: true).deltas(for: FamilyFixture("t5").encoder())
        }
        guard case .nothingToUnfreeze("biases", family: "t5") = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    /// What reading the folder of `unfreezing/bert/modules` says when its tensors are changed.
    private func refusal(
        of path: String = "bert/modules", _ change: (inout [String: (shape: [Int], values: [Float])]) -> Void
    ) throws -> AdapterError? {
        let source = Fixtures.url("unfreezing/\(path)")
        let file = try SafetensorsFile(contentsOf: source.appending(path: "adapter_model.safetensors"))
        var tensors: [String: (shape: [Int], values: [Float])] = [:]
        for name in file.names {
            let tensor = try file.tensor(named: name)
            tensors[name] = (tensor.shape, try tensor.floats())
        }
        change(&tensors)
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        for (name, tensor) in tensors { writer.add(name, shape: tensor.shape, floats: tensor.values) }
        try writer.write(to: folder.appending("adapter_model.safetensors"))
        try FileManager.default.copyItem(
            at: source.appending(path: "adapter_config.json"), to: folder.appending("adapter_config.json"))
        let encoder = try FamilyFixture(String(path.prefix { $0 != "/" })).encoder()
        return #expect(throws: AdapterError.self) { try AdapterBundle(contentsOf: folder.url, for: encoder) }
    }

    private let norm = "base_model.model.encoder.layer.0.output.LayerNorm.bias"

    @Test func aMissingTensorOfASavedModuleIsNamed() throws {
        guard case .missingTensor(_, norm, _) = try refusal({ $0[norm] = nil }) else {
            Issue.record("not refused as missing"); return
        }
    }

    @Test func aMisshapenTensorOfASavedModuleIsNamed() throws {
        guard case .wrongShape(_, norm, found: [2], expected: [20]) = try refusal({ $0[norm] = ([2], [1, 2]) }) else {
            Issue.record("not refused as misshapen"); return
        }
    }

    @Test func aTensorOfNoModuleIsNamed() throws {
        let stray = "base_model.model.encoder.layer.0.output.sigma"
        guard case .unexpectedTensor(_, stray) = try refusal({ $0[stray] = ([1], [1]) }) else {
            Issue.record("not refused as unexpected"); return
        }
    }

    @Test(arguments: [
        ("deberta-v3", "encoder.rel_embeddings.weight"),
        ("deberta-v2", "encoder.layer.1.attention.self.pos_key_proj.bias"),
        ("mpnet", "encoder.relative_attention_bias.weight"),
        ("t5", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"),
    ])
    func aTensorThatStaysFrozenIsNamed(family: String, tensor: String) throws {
        let name = "base_model.model.\(tensor)"
        guard case .staysFrozen(_, name) = try refusal(of: "\(family)/modules", { $0[name] = ([1], [1]) }) else {
            Issue.record("not refused as frozen"); return
        }
    }
}
