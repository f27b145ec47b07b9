import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// What LoRA comes in, from recipes: what starts, learns, is written and read, and what is refused.
@Suite struct LoRAMethodTests {
    /// A recipe that has all of LoRA that an encoder can have.
    static let settings: [[String: MethodSettings.Value]] = [
        ["dora": .flag(true)], ["dora": .flag(true), "rank_stabilized": .flag(true), "rank": .number(3)],
        ["lora_bias": .flag(true)], ["train_a": .flag(false)],
        ["dora": .flag(true), "train_a": .flag(false), "dropout": .number(0.3)],
        ["tokens": .list([.number(7), .number(50), .number(11)])],
        ["tokens": .object(["words": .list([.number(9)])]), "dora": .flag(true)],
    ]

    static let families = FamilyFixture.names

    private func recipe(
        _ settings: [String: MethodSettings.Value], _ targets: AdapterRecipe.Targets = .allLinear
    ) throws -> AdapterRecipe {
        AdapterRecipe(try LoRAMethod(MethodSettings(settings)), targets: targets)
    }

    /// All parameters moved by noise, in the size of what they are: as after training.
    private func moved(_ adapters: AdapterSet, _ values: ParameterVector) -> ParameterVector {
        var values = values
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 5, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: values[parameter].values.map { $0 + 0.1 * random.normal() })
        }
        return values
    }

    private func hidden(
        _ fixture: FamilyFixture, _ encoder: TransformerEncoder, _ adapters: AdapterSet, _ values: ParameterVector
    ) -> Matrix {
        encoder.forward(fixture.batch, adapters: adapters, Pass(parameters: values)).hidden
    }

    @Test(arguments: families, settings)
    func freshItChangesNoBit(family: String, settings: [String: MethodSettings.Value]) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        for precision in [Precision.float32, .bfloat16, .int8] {
            let encoder = try fixture.encoder(precision)
            let (adapters, values) = try recipe(settings).fresh(for: encoder, seed: 1)
            #expect(
                hidden(fixture, encoder, adapters, values) == hidden(fixture, encoder, .none, ParameterVector([])),
                "\(precision)")
        }
    }

    @Test(arguments: families, settings)
    func whatIsWrittenIsReadAndMerged(family: String, settings: [String: MethodSettings.Value]) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder()
        let recipe = try recipe(settings)
        let fresh = try recipe.fresh(for: encoder, seed: 1)
        let written = AdapterBundle(
            recipe, trained: moved(fresh.adapters, fresh.parameters), fresh.adapters, on: encoder, baseModel: family)
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.adapters.parameters == written.adapters.parameters)
        #expect(read.parameters.values == written.parameters.values)
        let adapted = hidden(fixture, encoder, read.adapters, read.parameters)
        #expect(adapted == hidden(fixture, encoder, written.adapters, written.parameters))
        // That A does not train is nothing that the folder says.
        var said = written.configuration
        if var method = said.method as? LoRAMethod {
            method.trainsA = true
            said.method = method
        }
        #expect(read.configuration == said)
        let hasBiases = encoder.config.hasBias(.query) && encoder.config.hasBias(.output)
        guard settings["lora_bias"] == nil || hasBiases else { return }
        let merged = try encoder.merging(read.adapters, read.parameters)
        let plain = hidden(fixture, merged, .none, ParameterVector([]))
        #expect(Closeness.differenceOfLargest(plain.values, adapted.values) < 1e-5)
    }

    @Test(arguments: ["bert", "electra", "modernbert", "mpnet", "albert", "deberta-v3"])
    func whatTrainsLearnsTheSameWhateverElseDoes(family: String) throws {
        let fixture = try FamilyFixture(family, cutTo: 48)
        let encoder = try fixture.encoder()
        let recipe = AdapterRecipe(
            try LoRAMethod(MethodSettings(["dora": .flag(true)])),
            targets: .names(["words"] + encoder.config.projections.map(\.rawValue)))
        let (adapters, start) = try recipe.fresh(for: encoder, seed: 1)
        let values = moved(adapters, start)
        func gradients(_ trained: [Parameter]) throws -> Gradients {
            let pass = Pass(parameters: values, demand: .parameters, trained: Set(trained))
            let (_, pullback) = encoder.forward(fixture.batch, adapters: adapters, pass)
            var gradients = Gradients(trained)
            _ = pullback(try fixture.dy(), &gradients)
            return gradients
        }
        let whole = try gradients(adapters.parameters)
        for part in 0..<4 {
            let own = adapters.parameters.enumerated().filter { $0.offset % 4 == part }.map(\.element)
            let some = try gradients(own)
            for parameter in own {
                #expect(some[parameter] == whole[parameter], "\(parameter.name)")
                #expect(whole[parameter].values.contains { $0 != 0 }, "\(parameter.name)")
            }
        }
    }

    @Test func onlyWhatTokensReadLearnsInATable() throws {
        let fixture = try FamilyFixture("bert")
        let encoder = try fixture.encoder()
        let lora = try recipe([:], .names(["words"])).fresh(for: encoder, seed: 1)
        let rows = try recipe(["tokens": .list([.number(9), .number(30)])], .names(["query"])).fresh(
            for: encoder, seed: 1)
        var batch = PackedBatch()
        batch.append(tokens: [7, 9, 7], segments: [0, 0, 1])
        func gradients(_ adapters: AdapterSet, _ values: ParameterVector) -> Gradients {
            let (hidden, pullback) = encoder.forward(
                batch, adapters: adapters, Pass(parameters: values, demand: .parameters))
            var gradients = values.zeroed()
            var random = RandomStream(seed: 1, name: "dy")
            _ = pullback(
                Matrix(rows: 3, columns: hidden.columns, values: (0..<hidden.count).map { _ in random.normal() }),
                &gradients)
            return gradients
        }
        let table = try #require(lora.adapters.embeddings?.adapters[.words] as? TableLoRA)
        let a = gradients(lora.adapters, lora.parameters)[table.a]
        let read = (0..<a.columns).filter { column in (0..<a.rows).contains { a[$0, column] != 0 } }
        #expect(read == [7, 9])
        let tokens = try #require(rows.adapters.embeddings?.adapters[.words] as? TrainedRows)
        let d = gradients(rows.adapters, rows.parameters)[tokens.values]
        #expect(d.row(0).contains { $0 != 0 })
        #expect(d.row(1).allSatisfy { $0 == 0 })
    }

    @Test func withAFixedTheGradientOfBIsProjectedAsPEFTsOptimizerHasIt() {
        let lora = LoRA(name: "map", inputs: 5, outputs: 3, rank: 2, scale: 2, dropoutRate: 0, isAFixed: true)
        var (values, gradients) = (ParameterVector(lora.parameters), ParameterVector(lora.parameters))
        values[lora.a] = Matrix(rows: 2, columns: 5, values: [1, 0, 2, 0, 0, 0, 3, 0, 0, 1] as [Float])
        gradients[lora.b] = Matrix(rows: 3, columns: 2, values: [5, 10, -5, 20, 0, 1] as [Float])
        lora.condition(&gradients, values)
        // A Aᵀ = diag(5, 10), s² = 4
        let expected: [Float] = [0.25, 0.25, -0.25, 0.5, 0, 0.025]
        #expect(Closeness.largestDifference(gradients[lora.b].values, expected) < 1e-6)
        #expect(lora.fixedParameters == [lora.a])
    }

    // MARK: Settings

    @Test(arguments: [
        ("rank", MethodSettings.Value.number(0)), ("dropout", .number(1)), ("dora", .text("yes")),
        ("bias", .text("all")), ("tokens", .list([])), ("tokens", .list([.number(3), .number(3)])),
        ("tokens", .text("7")), ("train_a", .number(1)),
    ])
    func aSettingOutOfRangeIsRefusedByName(name: String, value: MethodSettings.Value) {
        let error = #expect(throws: AdapterError.self) { try LoRAMethod(MethodSettings([name: value])) }
        guard case .invalidSetting(name, _, _) = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test func aBiasBehindBIsRefusedWhereLengthsTrain() {
        let error = #expect(throws: AdapterError.self) {
            try LoRAMethod(MethodSettings(["dora": .flag(true), "lora_bias": .flag(true)]))
        }
        guard case .invalidSetting("lora_bias", _, _) = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    @Test func tokensThatTheTableHasNotAreRefused() throws {
        let encoder = try FamilyFixture("bert").encoder()
        for tokens in [
            MethodSettings.Value.list([.number(60)]), .object(["sentences": .list([.number(1)])]),
        ] {
            let error = #expect(throws: AdapterError.self) {
                try recipe(["tokens": tokens]).fresh(for: encoder, seed: 0)
            }
            guard case .invalidSetting("tokens", _, _) = error else {
                Issue.record("\(String(describing: error))"); return
            }
        }
        let error = #expect(throws: AdapterError.self) {
            try recipe(["tokens": .list([.number(1)])], .names(["words"])).fresh(for: encoder, seed: 0)
        }
        guard case .notOfMethod = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test func biasesOfAdaptedMapsTrainWithTheAdapterAndAreFiledSo() throws {
        let fixture = try FamilyFixture("bert")
        let encoder = try fixture.encoder()
        let recipe = try recipe(["bias": .text("lora_only")], .names(["query", "output"]))
        let fresh = try recipe.fresh(for: encoder, seed: 1)
        #expect(fresh.adapters.places.values.allSatisfy { $0.part == .adapters })
        let written = AdapterBundle(
            recipe, trained: moved(fresh.adapters, fresh.parameters), fresh.adapters, on: encoder, baseModel: nil)
        #expect(written.configuration.biases == .adapted)
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.configuration == written.configuration)
        #expect(
            hidden(fixture, encoder, read.adapters, read.parameters)
                == hidden(fixture, encoder, written.adapters, written.parameters))
        let error = #expect(throws: AdapterError.self) {
            try recipe.fresh(for: FamilyFixture("t5").encoder(), seed: 0)
        }
        guard case .nothingToUnfreeze("biases", family: "t5") = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }
}
