import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// AdapterHub's methods as they are asked for, placed, started, filed and refused.
@Suite struct AdapterHubTests {
    private let encoder: TransformerEncoder
    private let batch: PackedBatch

    init() throws {
        batch = try GoldenFile("encoder/states.safetensors").batch()
        encoder = try TinyEncoder.load()
    }

    private func states(_ adapters: AdapterSet, _ values: ParameterVector, _ pass: Pass? = nil) -> Matrix {
        encoder.forward(batch, adapters: adapters, pass ?? Pass(parameters: values)).hidden
    }

    private func method(_ name: String, _ settings: [String: MethodSettings.Value] = [:]) throws -> any AdapterMethod {
        try #require(AdapterMethods.named(name)).init(MethodSettings(settings))
    }

    // MARK: Asking

    @Test(arguments: [
        ("houlsby", 6, 2 * 32 * 2 + 2 + 32), ("pfeiffer", 3, 2 * 32 * 2 + 2 + 32),
        ("parallel", 3, 2 * 32 * 16 + 16 + 32),
    ])
    func bottlenecksStandWhereTheLibraryHasThem(name: String, places: Int, numbers: Int) throws {
        let (adapters, values) = try AdapterRecipe(method(name)).fresh(for: encoder, seed: 1)
        #expect(adapters.blocks.count == places && adapters.linear.isEmpty && adapters.outputs.isEmpty)
        #expect(values.values.count == places * numbers)
    }

    @Test func compactersShareTheirRules() throws {
        let recipe = AdapterRecipe(try method("compacter", ["reduction_factor": .number(4)]))
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        // Four rules of 4 × 4; and for each bottleneck two maps, of four columns and four rows each, and two biases.
        #expect(values.values.count == 4 * 4 * 4 + 6 * (2 * 4 * (8 + 2) + 8 + 32))
        let rule = try #require(adapters.parameters.first { $0.name.contains("phm_rule") })
        #expect(adapters.places[rule]?.layer == 0)
    }

    @Test(arguments: ["loreft", "noreft", "direft"])
    func reftStandsBehindLayers(name: String) throws {
        let recipe = AdapterRecipe(try method(name, ["rank": .number(4)]), layers: [0, 2])
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        #expect(adapters.outputs.keys.sorted() == [0, 2] && adapters.blocks.isEmpty)
        #expect(values.values.count == 2 * (2 * 4 * 32 + 4))
    }

    @Test func targetsAreTheMapsThatBlocksEndWith() throws {
        let pfeiffer = try method("pfeiffer")
        let (adapters, _) = try AdapterRecipe(pfeiffer, projections: [.attentionOutput], layers: [1])
            .fresh(for: encoder, seed: 1)
        #expect(adapters.blockSites == [BlockSite(layer: 1, block: .attention)])
        #expect(throws: AdapterError.self) {
            try AdapterRecipe(pfeiffer, projections: [.query]).fresh(for: encoder, seed: 1)
        }
    }

    @Test func aWidthMayDifferByLayer() throws {
        let factors: [String: MethodSettings.Value] = ["1": .number(4), "default": .number(16)]
        let (adapters, _) = try AdapterRecipe(method("pfeiffer", ["reduction_factor": .object(factors)]))
            .fresh(for: encoder, seed: 1)
        let widths = adapters.blockSites.map { site in
            adapters.blocks[site]?.parameters.first { $0.name.hasSuffix("down.0.bias") }?.columns
        }
        #expect(widths == [2, 8, 2])
    }

    @Test(arguments: [
        ("pfeiffer", "activation", MethodSettings.Value.text("tanh")), ("pfeiffer", "scaling", .text("strong")),
        ("houlsby", "reduction_factor", .number(0)), ("houlsby", "residual", .text("sum")),
        ("compacter", "init_weights", .text("mam_adapter")), ("loreft", "rank", .number(0)),
        ("loreft", "prefix_positions", .number(0)), ("fusion", "adapters", .text("one")),
    ])
    func aSettingThatMakesNoSenseIsRefusedByName(name: String, setting: String, value: MethodSettings.Value) throws {
        let error = try #require(throws: AdapterError.self) { try method(name, [setting: value]) }
        guard case .invalidSetting(setting, _, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func widthsThatDoNotDivideAreRefused() throws {
        let recipe = AdapterRecipe(try method("compacter", ["reduction_factor": .number(5)]))
        #expect(throws: AdapterError.self) { try recipe.fresh(for: encoder, seed: 1) }
        let wide = AdapterRecipe(try method("loreft", ["rank": .number(32)]))
        #expect(throws: AdapterError.self) { try wide.fresh(for: encoder, seed: 1) }
    }

    // MARK: Computing

    @Test func aFreshParallelBottleneckChangesNothing() throws {
        let (adapters, values) = try AdapterRecipe(method("parallel")).fresh(for: encoder, seed: 1)
        let base = states(.none, ParameterVector([]))
        #expect(states(adapters, values) == base)
        let (others, othersValues) = try AdapterRecipe(method("houlsby")).fresh(for: encoder, seed: 1)
        #expect(states(others, othersValues) != base)
        #expect(states(.none, ParameterVector([])) == base)
    }

    @Test(arguments: ["houlsby", "pfeiffer", "parallel", "compacter", "compacter++", "loreft", "noreft", "direft"])
    func startingValuesAreAFunctionOfTheSeed(name: String) throws {
        let settings: [String: MethodSettings.Value] = name.hasPrefix("comp") ? ["reduction_factor": .number(4)] : [:]
        let recipe = AdapterRecipe(try method(name, settings))
        let (one, again) = (try recipe.fresh(for: encoder, seed: 1), try recipe.fresh(for: encoder, seed: 1))
        #expect(one.parameters.values == again.parameters.values)
        #expect(states(one.adapters, one.parameters) == states(again.adapters, again.parameters))
        #expect(try recipe.fresh(for: encoder, seed: 2).parameters.values != one.parameters.values)
    }

    @Test func orthonormalRowsStartSo() throws {
        let recipe = AdapterRecipe(try method("loreft", ["rank": .number(5)]), layers: [1])
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 7)
        let folder = try TemporaryFolder()
        try AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil).write(into: folder.url)
        let file = try SafetensorsFile(contentsOf: folder.appending("adapter.safetensors"))
        let name = try #require(file.names.first { $0.hasSuffix("base") })
        let base = Matrix(rows: 32, columns: 32, values: try file.tensor(named: name).floats())
        for left in 0..<32 {
            for right in 0...left {
                let product = (0..<32).reduce(Float(0)) { $0 + base[$1, left] * base[$1, right] }
                #expect(abs(product - (left == right ? 1 : 0)) < 1e-5)
            }
        }
    }

    @Test(arguments: ["houlsby", "pfeiffer", "parallel", "compacter", "loreft"])
    func nothingIsComputedBelowTheLowestThatTrains(name: String) throws {
        let settings: [String: MethodSettings.Value] = name.hasPrefix("comp") ? ["reduction_factor": .number(4)] : [:]
        let (adapters, values) = try AdapterRecipe(method(name, settings), layers: [1, 2])
            .fresh(for: encoder, seed: 1)
        #expect(encoder.lowestPart(changedBy: adapters) == .layer(1))
        let (hidden, pullback) = encoder.forward(
            batch, adapters: adapters, Pass(parameters: values, demand: .parameters))
        var gradients = values.zeroed()
        #expect(pullback(hidden, &gradients).count == 0)
        #expect(gradients.values.contains { $0 != 0 })
    }

    @Test func dropoutIsAFunctionOfItsKey() throws {
        let recipe = AdapterRecipe(try method("pfeiffer", ["dropout": .number(0.5), "reduction_factor": .number(2)]))
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        func dropped(_ step: Int) -> Matrix {
            states(
                adapters, values,
                Pass(parameters: values, dropout: DropoutKey(seed: 1, step: step), dropsInsideEncoder: false))
        }
        #expect(dropped(1) == dropped(1))
        #expect(dropped(1) != dropped(2))
        #expect(dropped(1) != states(adapters, values))
    }

    @Test func whatIsUnfrozenHasNoPlaceBesideThem() throws {
        let (adapters, _) = try AdapterRecipe(method("pfeiffer")).fresh(for: encoder, seed: 1)
        #expect(throws: AdapterError.self) { try Unfreezing(norms: true).deltas(for: encoder, over: adapters) }
    }

    // MARK: LoRA of the library

    @Test func loraGoesToTheLibraryAndComesBack() throws {
        let recipe = AdapterRecipe(rank: 3, alpha: 5, projections: [.query, .value, .intermediate], layers: [0, 2])
        var (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 2, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.2 * random.normal() })
        }
        let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny")
        let (there, back) = (try TemporaryFolder(), try TemporaryFolder())
        try bundle.writeForAdapterHub(into: there.url)
        let read = try AdapterBundle(contentsOf: there.url, for: encoder)
        #expect(read.configuration.layers == [0, 2])
        try read.writeForPEFT(into: back.url)
        let again = try AdapterBundle(contentsOf: back.url, for: encoder)
        #expect(again.parameters.values == bundle.parameters.values)
        #expect(states(again.adapters, again.parameters) == states(bundle.adapters, bundle.parameters))
        let names = try SafetensorsFile(contentsOf: there.appending("adapter.safetensors")).names
        #expect(names.contains("bert.encoder.layer.2.intermediate.dense.loras.graft.lora_B"))
    }

    @Test func whatTheLibraryHasNoLoraForIsRefused() throws {
        for recipe in [
            AdapterRecipe(projections: [.attentionOutput]), AdapterRecipe(try method("pfeiffer")),
        ] {
            let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
            let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
            let folder = try TemporaryFolder()
            #expect(throws: AdapterError.self) {
                if adapters.blocks.isEmpty {
                    try bundle.writeForAdapterHub(into: folder.url)
                } else {
                    try bundle.writeForPEFT(into: folder.url)
                }
            }
        }
    }

    // MARK: Files that are wrong

    private func changed(_ name: String, _ change: (inout [String: Any], inout [String: Any]) -> Void) throws
        -> AdapterError?
    {
        let fixture = try AdapterHubFixture(name)
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            at: fixture.folder.appending(path: "adapter.safetensors"), to: folder.appending("adapter.safetensors"))
        let data = try Data(contentsOf: fixture.folder.appending(path: "adapter_config.json"))
        var fields = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
        var own = fields["config"] as? [String: Any] ?? [:]
        change(&fields, &own)
        fields["config"] = own
        try JSONSerialization.data(withJSONObject: fields).write(to: folder.appending("adapter_config.json"))
        do { _ = try AdapterBundle(contentsOf: folder.url, for: fixture.encoder) } catch { return error }
        return nil
    }

    @Test(arguments: [
        "use_gating", "inv_adapter", "stochastic_depth", "non_linearity", "scaling", "residual_before_ln", "unheard_of",
    ])
    func aFieldThatCannotBeHonouredIsRefusedByName(field: String) throws {
        let error = try changed("bert.houlsby") { _, own in
            own[field] =
                switch field {
                case "use_gating", "unheard_of": true
                case "stochastic_depth": 0.1
                case "residual_before_ln": "post_add"
                default: "nice"
                } as Any
        }
        #expect("\(try #require(error))".contains("'\(field)'"))
    }

    @Test func foldersOfOtherModelsAreRefused() throws {
        #expect("\(try #require(changed("bert.houlsby") { all, _ in all["hidden_size"] = 768 }))".contains("768"))
        #expect("\(try #require(changed("bert.houlsby") { all, _ in all["model_type"] = "t5" }))".contains("t5"))
        #expect(try changed("bert.houlsby") { _, _ in } == nil)
    }

    @Test func tensorsThatAreTooFewOrTooManyAreRefused() throws {
        let more = try #require(changed("bert.pfeiffer") { _, own in own["mh_adapter"] = true })
        guard case .missingTensor = more else {
            Issue.record("\(more)")
            return
        }
        let fewer = try #require(changed("bert.pfeiffer") { _, own in own["leave_out"] = [0] })
        guard case .unexpectedTensor = fewer else {
            Issue.record("\(fewer)")
            return
        }
        let wider = try #require(changed("bert.pfeiffer") { _, own in own["reduction_factor"] = 2 })
        guard case .wrongShape = wider else {
            Issue.record("\(wider)")
            return
        }
    }

    @Test func activationsOfOldVersionsHadOtherNames() throws {
        let method = { (fields: [String: Any], own: [String: Any]) throws -> PfeifferMethod? in
            let folder = try TemporaryFolder()
            var all = fields
            all["config"] = own
            try JSONSerialization.data(withJSONObject: all).write(to: folder.appending("adapter_config.json"))
            return try PEFTConfiguration(contentsOf: folder.url).method as? PfeifferMethod
        }
        let own: [String: Any] = [
            "output_adapter": true, "mh_adapter": false, "reduction_factor": 4, "non_linearity": "gelu",
            "original_ln_before": true,
        ]
        #expect(try method(["name": "a"], own)?.settings.activation == .geluNew)
        #expect(try method(["name": "a", "version": "adapters.1.0.0"], own)?.settings.activation == .gelu)
    }

    @Test func aPickleIsRefusedWithTheCommandThatConvertsIt() throws {
        let fixture = try AdapterHubFixture("bert.houlsby")
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            at: fixture.folder.appending(path: "adapter_config.json"), to: folder.appending("adapter_config.json"))
        try Data([0]).write(to: folder.appending("pytorch_adapter.bin"))
        let error = try #require(throws: AdapterError.self) {
            try AdapterBundle(contentsOf: folder.url, for: fixture.encoder)
        }
        #expect("\(error)".contains("weights_only=True"))
    }
}
