import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Adapters of several methods in one: parts of a recipe, each with a method of its own.
@Suite struct MethodPartsTests {
    /// Parts that stand on places of their own.
    enum Mixture: String, CaseIterable, Sendable {
        /// (IA)³ below, LoRA with settings of its own above.
        case factorsAndLoRA
        /// LoRA in attention, bottlenecks behind feed-forward blocks: two libraries.
        case loraAndBottlenecks
        /// LoRA on the map that a block ends with, and a bottleneck behind the block.
        case onAndBehindABlock
        /// LoRA, and all biases and norms of the base below it.
        case loraAndBiases, loraAndNorms
        /// LoRA behind virtual tokens.
        case promptAndLoRA
        /// Two kinds of LoRA, which one folder cannot say, and a method with another start.
        case kindsOfLoRA
        /// Interventions behind a layer, and factors on maps.
        case interventionsAndFactors
        /// Lengths and directions with tables.
        case tablesAndRotations

        var recipe: AdapterRecipe {
            get throws {
                func part(
                    _ name: String, _ settings: [String: MethodSettings.Value] = [:],
                    _ targets: AdapterRecipe.Targets? = nil, layers: [Int]? = nil
                ) throws -> AdapterRecipe.Part {
                    let method = try #require(AdapterMethods.named(name))
                    return .init(try method.init(MethodSettings(settings)), targets: targets, layers: layers)
                }
                var recipe = AdapterRecipe(LoRAMethod(rank: 2, alpha: 4))
                recipe.parts =
                    switch self {
                    case .factorsAndLoRA:
                        [
                            try part("ia3", layers: [0]),
                            .init(targets: .allLinear, layers: [1], settings: MethodSettings(["rank": .number(3)])),
                            .init(layers: [2]),
                        ]
                    case .loraAndBottlenecks:
                        [
                            .init(targets: .names(["query", "value"])),
                            try part("pfeiffer", ["reduction_factor": .number(8)]),
                        ]
                    case .onAndBehindABlock: [.init(targets: .names(["output"])), try part("houlsby", layers: [1, 2])]
                    case .loraAndBiases: [.init(targets: .names(["query"])), try part("bitfit")]
                    case .loraAndNorms: [try part("ln-tuning"), .init(targets: .names(["query"]))]
                    case .promptAndLoRA: [try part("prompt", ["tokens": .number(3)]), .init(layers: [1])]
                    case .kindsOfLoRA:
                        [
                            .init(layers: [0]),
                            try part("lora", ["rank_stabilized": .flag(true), "rank": .number(2)], layers: [1]),
                            try part("loha", ["rank": .number(2)], .names(["query", "key"]), layers: [2]),
                        ]
                    case .interventionsAndFactors:
                        [try part("loreft", ["rank": .number(2)], layers: [0, 2]), try part("ia3", layers: [1])]
                    case .tablesAndRotations:
                        [
                            .init(targets: .names(["words", "query"])),
                            try part("oft", ["block_size": .number(4)], .names(["key", "output"])),
                        ]
                    }
                return recipe
            }
        }

        /// Whether all of it is changes of weights.
        var isMergeable: Bool {
            switch self {
            case .loraAndBottlenecks, .onAndBehindABlock, .promptAndLoRA, .interventionsAndFactors: false
            case .factorsAndLoRA, .loraAndBiases, .loraAndNorms, .kindsOfLoRA, .tablesAndRotations: true
            }
        }

        /// Whether it changes nothing before it is trained.
        var startsAtBase: Bool {
            switch self {
            case .loraAndBottlenecks, .onAndBehindABlock, .promptAndLoRA, .interventionsAndFactors: false
            case .factorsAndLoRA, .loraAndBiases, .loraAndNorms, .kindsOfLoRA, .tablesAndRotations: true
            }
        }

        /// What the folders of the parts are called, and the file of weights of each.
        var folders: [String: String] {
            let (peft, hub) = ("adapter_model.safetensors", "adapter.safetensors")
            return switch self {
            case .factorsAndLoRA: ["0-ia3": peft, "1-lora": peft]
            case .loraAndBottlenecks: ["0-lora": peft, "1-pfeiffer": hub]
            case .onAndBehindABlock: ["0-lora": peft, "1-houlsby": hub]
            case .loraAndBiases: ["0-lora": peft, "1-bitfit": peft]
            case .loraAndNorms: ["0-ln-tuning": peft, "1-lora": peft]
            case .promptAndLoRA: ["0-prompt": peft, "1-lora": peft]
            case .kindsOfLoRA: ["0-lora": peft, "1-lora": peft, "2-loha": peft]
            case .interventionsAndFactors: ["0-loreft": hub, "1-ia3": peft]
            case .tablesAndRotations: ["0-lora": peft, "1-oft": peft]
            }
        }
    }

    private let fixture: FamilyFixture
    private let encoder: TransformerEncoder

    init() throws {
        fixture = try FamilyFixture("bert")
        encoder = try fixture.encoder()
    }

    private func fresh(_ mixture: Mixture) throws -> (adapters: AdapterSet, parameters: ParameterVector) {
        try mixture.recipe.fresh(for: encoder, seed: 5)
    }

    /// Adapters as after training: every number moved.
    private func trained(_ mixture: Mixture) throws -> (adapters: AdapterSet, parameters: ParameterVector) {
        var (adapters, values) = try fresh(mixture)
        move(adapters.parameters, &values)
        return (adapters, values)
    }

    private func move(_ parameters: [Parameter], _ values: inout ParameterVector) {
        for parameter in parameters {
            var random = RandomStream(seed: 9, name: parameter.name)
            let moved = values[parameter].values.map { $0 + 0.05 * random.normal() }
            values[parameter] = Matrix(rows: parameter.rows, columns: parameter.columns, values: moved)
        }
    }

    private func bundle(_ mixture: Mixture) throws -> AdapterBundle {
        let (adapters, values) = try trained(mixture)
        return AdapterBundle(try mixture.recipe, trained: values, adapters, on: encoder, baseModel: "tiny")
    }

    /// The texts that fit behind virtual tokens.
    private var batch: PackedBatch {
        var batch = PackedBatch()
        for text in fixture.batch.sequences where text.count < 12 {
            batch.append(
                tokens: Array(fixture.batch.tokens[text]), segments: Array(fixture.batch.segments[text]))
        }
        return batch
    }

    private func hidden(_ adapters: AdapterSet, _ values: ParameterVector) -> Matrix {
        encoder.forward(batch, adapters: adapters, Pass(parameters: values)).hidden
    }

    private var base: Matrix { hidden(.none, ParameterVector([])) }

    // MARK: What they are

    @Test(arguments: Mixture.allCases)
    func aFreshOneIsTheBaseAndATrainedOneIsNot(mixture: Mixture) throws {
        let (fresh, trained) = (try fresh(mixture), try trained(mixture))
        if mixture.startsAtBase { #expect(hidden(fresh.adapters, fresh.parameters) == base) }
        #expect(hidden(trained.adapters, trained.parameters) != base)
    }

    /// Each part starts, and computes, as it does by itself.
    @Test(arguments: Mixture.allCases)
    func eachPartIsWhatItIsByItself(mixture: Mixture) throws {
        let (adapters, values) = try fresh(mixture)
        let recipes = try mixture.recipe.byMethod
        #expect(recipes.count == mixture.folders.count)
        var seen = 0
        for recipe in recipes {
            let own = try recipe.fresh(for: encoder, seed: 5)
            for parameter in own.adapters.parameters {
                #expect(values[parameter] == own.parameters[parameter], "\(parameter.name)")
            }
            seen += own.adapters.parameters.count
        }
        #expect(seen == adapters.parameters.count)
    }

    /// The order in which texts write the parts does not matter to what is computed.
    @Test func factorsBelowAndLoRAAboveAreOneAfterTheOther() throws {
        let (adapters, values) = try trained(.factorsAndLoRA)
        #expect(adapters.linear.values.contains { $0 is IA3 } && adapters.linear.values.contains { $0 is LoRA })
        #expect(adapters.linear.filter { $0.value is IA3 }.allSatisfy { $0.key.layer == 0 })
        let lora = try #require(adapters.linear[Site(layer: 1, projection: .key)] as? LoRA)
        #expect(lora.a.rows == 3)
        // Without the factors below it is another result.
        let above = AdapterSet(adapters.linear.filter { $0.value is LoRA })
        #expect(hidden(above, values) != hidden(adapters, values))
    }

    @Test(arguments: Mixture.allCases)
    func theGradientIsThatOfTheForward(mixture: Mixture) throws {
        let (adapters, values) = try trained(mixture)
        var random = RandomStream(seed: 3, name: "dy")
        let shape = base
        let dy = Matrix(
            rows: shape.rows, columns: shape.columns, values: shape.values.map { _ in random.normal() })
        func loss(_ values: ParameterVector) -> Double {
            zip(hidden(adapters, values).values, dy.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        var gradients = values.zeroed()
        _ = encoder.forward(batch, adapters: adapters, Pass(parameters: values, demand: .parameters))
            .pullback(dy, &gradients)
        for part in adapters.parts {
            let norm = part.adapters.parameters.flatMap { gradients[$0].values }
                .reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(norm > 0, "\(part.name)")
            func moved(by step: Double) -> ParameterVector {
                var moved = values
                for parameter in part.adapters.parameters {
                    let numbers = zip(values[parameter].values, gradients[parameter].values)
                    moved[parameter] = Matrix(
                        rows: parameter.rows, columns: parameter.columns,
                        values: numbers.map { $0 + Float(step * Double($1) / norm) })
                }
                return moved
            }
            let step = 2e-3
            let measured = (loss(moved(by: step)) - loss(moved(by: -step))) / (2 * step)
            #expect(abs(measured - norm) < 0.02 * norm, "\(part.name): measured \(measured), computed \(norm)")
        }
    }

    /// Rates, decay and stages see each part's parameters as they do without the others.
    @Test(arguments: Mixture.allCases)
    func eachParameterHasThePlaceThatItHasByItself(mixture: Mixture) throws {
        let places = try fresh(mixture).adapters.places
        for recipe in try mixture.recipe.byMethod {
            let own = try recipe.fresh(for: encoder, seed: 5).adapters.places
            for (parameter, place) in own { #expect(places[parameter] == place, "\(parameter.name)") }
        }
    }

    @Test(arguments: Mixture.allCases)
    func mergedIsAdaptedOrRefusedByTheNameOfThePart(mixture: Mixture) throws {
        let (adapters, values) = try trained(mixture)
        let merged = Result { () throws(AdapterError) in try encoder.merging(adapters, values) }
        switch merged {
        case .success(let merged):
            #expect(mixture.isMergeable)
            let plain = merged.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
            #expect(Closeness.differenceOfLargest(plain.values, hidden(adapters, values).values) < 2e-5)
        case .failure(let error):
            #expect(!mixture.isMergeable)
            let part = try #require(
                mixture.folders.keys.first {
                    $0.hasSuffix("pfeiffer") || $0.hasSuffix("houlsby") || $0.hasSuffix("prompt")
                        || $0.hasSuffix("loreft")
                })
            #expect("\(error)".contains("(part \(part))"))
        }
    }

    /// Whatever modules are called: (IA)³ below, LoRA above, of each family in each precision.
    @Test(arguments: FamilyFixture.names, [Precision.float32, .bfloat16, .int8])
    func everyFamilyHasThem(family: String, precision: Precision) throws {
        let fixture = try FamilyFixture(family)
        let encoder = try fixture.encoder(precision)
        guard encoder.config.distinctLayers > 1 else { return }
        var recipe = AdapterRecipe(LoRAMethod(rank: 2, alpha: 4))
        recipe.parts = [.init(IA3Method(), layers: [0]), .init(targets: .allLinear, layers: [1])]
        var (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        func hidden(_ adapters: AdapterSet, _ values: ParameterVector) -> Matrix {
            encoder.forward(fixture.batch, adapters: adapters, Pass(parameters: values)).hidden
        }
        let base = hidden(.none, ParameterVector([]))
        #expect(hidden(adapters, values) == base)
        move(adapters.parameters, &values)
        let written = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        let adapted = hidden(read.adapters, read.parameters)
        #expect(adapted == hidden(adapters, values) && adapted != base)
        if precision == .float32 {
            let merged = try encoder.merging(read.adapters, read.parameters)
            let plain = merged.forward(fixture.batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
            #expect(Closeness.differenceOfLargest(plain.values, adapted.values) < 2e-5)
        }
    }

    // MARK: Files

    @Test(arguments: Mixture.allCases)
    func whatIsWrittenIsReadAgainToTheBit(mixture: Mixture) throws {
        let written = try bundle(mixture)
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        #expect(try names(in: folder.url) == ["adapter_parts.json", "parts"])
        #expect(try names(in: folder.appending("parts")) == mixture.folders.keys.sorted())
        for (part, weights) in mixture.folders {
            #expect(try names(in: folder.appending("parts/\(part)")) == ["adapter_config.json", weights].sorted())
        }
        #expect(AdapterBundle.exists(in: folder.url))
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.configuration == written.configuration)
        #expect(read.fingerprint == encoder.fingerprint)
        #expect(hidden(read.adapters, read.parameters) == hidden(written.adapters, written.parameters))
        let second = try TemporaryFolder()
        try read.write(into: second.url)
        for (part, weights) in mixture.folders {
            for name in ["adapter_parts.json", "parts/\(part)/adapter_config.json", "parts/\(part)/\(weights)"] {
                #expect(
                    try Data(contentsOf: folder.appending(name)) == Data(contentsOf: second.appending(name)), "\(name)")
            }
        }
    }

    /// A part of a folder is the whole folder of its method's library.
    @Test(arguments: Mixture.allCases)
    func eachPartIsAFolderOfItsOwn(mixture: Mixture) throws {
        let written = try bundle(mixture)
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let recipes = try mixture.recipe.byMethod
        for (part, recipe) in zip(mixture.folders.keys.sorted(), recipes) {
            let read = try AdapterBundle(contentsOf: folder.appending("parts/\(part)"), for: encoder)
            var (adapters, values) = try recipe.fresh(for: encoder, seed: 5)
            move(adapters.parameters, &values)
            let alone = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny")
            #expect(read.configuration == alone.configuration)
            #expect(hidden(read.adapters, read.parameters) == hidden(alone.adapters, alone.parameters))
        }
    }

    /// Parts of one method are the one folder that they were before parts had methods.
    @Test func partsOfEqualMethodsAreOneFolder() throws {
        var said = AdapterRecipe(LoRAMethod(rank: 2, alpha: 4), targets: .names(["query"]))
        said.parts = [.init(layers: [0]), .init(targets: .names(["value"]), layers: [1])]
        var named = said
        named.method = IA3Method()
        for index in named.parts.indices { named.parts[index].method = LoRAMethod(rank: 2, alpha: 4) }
        var bytes: [[Data]] = []
        for recipe in [said, named] {
            let (adapters, values) = try recipe.fresh(for: encoder, seed: 2)
            let folder = try TemporaryFolder()
            try AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny").write(into: folder.url)
            let files = ["adapter_config.json", "adapter_model.safetensors"]
            #expect(try names(in: folder.url) == files)
            bytes.append(try files.map { try Data(contentsOf: folder.appending($0)) })
        }
        #expect(bytes[0] == bytes[1])
    }

    /// What a stage unfreezes beside them is filed with a part that has room for it, and read again.
    @Test(arguments: [Mixture.factorsAndLoRA, .loraAndBottlenecks, .loraAndBiases, .loraAndNorms])
    func whatIsUnfrozenBesideThemIsFiledWithThem(mixture: Mixture) throws {
        let fresh = try fresh(mixture)
        let adapters = try Unfreezing(layers: [1], norms: true).deltas(for: encoder, over: fresh.adapters)
        var values = ParameterVector(adapters.parameters)
        for parameter in fresh.adapters.parameters { values[parameter] = fresh.parameters[parameter] }
        move(adapters.parameters, &values)
        let written = AdapterBundle(try mixture.recipe, trained: values, adapters, on: encoder, baseModel: "tiny")
        let expected = hidden(adapters, values)
        let found = hidden(written.adapters, written.parameters)
        #expect(Closeness.differenceOfLargest(found.values, expected.values) < 1e-5, "rounded to what the file says")
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(hidden(read.adapters, read.parameters) == found)
        #expect(Set(read.adapters.parameters) == Set(adapters.parameters))
    }

    @Test func whereNoPartHasRoomForWhatIsUnfrozenItIsRefused() throws {
        var recipe = AdapterRecipe(LoRAMethod())
        recipe.parts = [
            .init(try PfeifferMethod(MethodSettings()), layers: [0]),
            .init(try LoReftMethod(MethodSettings()), layers: [1]),
        ]
        let adapters = try recipe.fresh(for: encoder, seed: 0).adapters
        let error = #expect(throws: AdapterError.self) {
            try Unfreezing(norms: true).deltas(for: encoder, over: adapters)
        }
        guard case .notInAdapterHub = error else { Issue.record("\(String(describing: error))"); return }
    }

    // MARK: Refusals

    private func refusal(_ parts: [AdapterRecipe.Part]) throws -> String {
        var recipe = AdapterRecipe(LoRAMethod())
        recipe.parts = parts
        return "\(try #require(#expect(throws: AdapterError.self) { try recipe.fresh(for: encoder, seed: 0) }))"
    }

    @Test func whatIsInTwoPartsIsRefusedByName() throws {
        let prompt = try PromptTuningMethod(MethodSettings())
        #expect(
            try refusal([.init(layers: [0, 1]), .init(IA3Method(), layers: [1])]).contains(
                "layer.1.value is in several parts"))
        #expect(
            try refusal([.init(try HoulsbyMethod(MethodSettings())), .init(try PfeifferMethod(MethodSettings()))])
                .contains("layer.0.feedForwardBlock is in several parts"))
        #expect(try refusal([.init(prompt), .init(prompt)]).contains("'prompt' is in several parts"))
        #expect(
            try refusal([.init(prompt), .init(try PTuningMethod(MethodSettings()))]).contains(
                "prompt is in several parts"))
        #expect(
            try refusal([
                .init(try AdaLoRAMethod(MethodSettings()), layers: [0]),
                .init(try AdaLoRAMethod(MethodSettings(["rank": .number(7)])), layers: [1]),
            ])
            .contains("gives out its ranks"))
    }

    @Test func aMethodOnNoModulesIsRefusedWithPlaces() throws {
        let prompt = try PromptTuningMethod(MethodSettings())
        #expect(try refusal([.init(), .init(prompt, layers: [0])]).contains("'layers' says nothing"))
        for recipe in [AdapterRecipe(prompt, layers: [1]), AdapterRecipe(NormTuningMethod(), targets: .allLinear)] {
            let error = #expect(throws: AdapterError.self) { try recipe.fresh(for: encoder, seed: 0) }
            guard case .notOfMethod = error else { Issue.record("\(String(describing: error))"); return }
        }
    }

    /// A bottleneck's file has the same blocks in all of its layers.
    @Test func blocksThatDifferByLayerTakePartsOfTheirOwn() throws {
        let houlsby = try HoulsbyMethod(MethodSettings())
        let targets = AdapterRecipe.Targets.pattern(#".*0\.attention\.output\.dense|.*[12]\.output\.dense"#)
        let error = #expect(throws: AdapterError.self) {
            try AdapterRecipe(houlsby, targets: targets).fresh(for: encoder, seed: 0)
        }
        #expect("\(try #require(error))".contains("layer.0.feedForwardBlock is not among the targets"))
        var recipe = AdapterRecipe(houlsby)
        recipe.parts = [
            .init(houlsby, targets: .names(["attentionOutput"]), layers: [0]),
            .init(houlsby, targets: .names(["output"]), layers: [1, 2]),
        ]
        #expect(
            try recipe.fresh(for: encoder, seed: 0).adapters.blockSites.map { "\($0)" } == [
                "layer.0.attentionBlock", "layer.1.feedForwardBlock", "layer.2.feedForwardBlock",
            ])
    }

    @Test func badListsAndPartsAreRefusedByName() throws {
        let folder = try TemporaryFolder()
        try bundle(.factorsAndLoRA).write(into: folder.url)
        let list = folder.appending("adapter_parts.json")
        func refusal() throws -> String {
            "\(try #require(#expect(throws: AdapterError.self) { try AdapterBundle(contentsOf: folder.url, for: encoder) }))"
        }
        func write(_ parts: String, format: String = "graft adapter parts 1") throws {
            try Data("{\"format\": \"\(format)\", \"parts\": \(parts)}".utf8).write(to: list)
        }
        for (parts, words) in [
            ("[\"parts/0-ia3\"]", "two folders or more"), ("[\"parts/0-ia3\", \"parts/0-ia3\"]", "each once"),
            ("[\"parts/0-ia3\", \"parts/2-lora\"]", "'parts/2-lora' is not the folder of an adapter"),
            ("[\"parts/0-ia3\", \"../elsewhere\"]", "names of folders in 'parts/'"),
            ("[\"parts/0-ia3\", \"parts/..\"]", "names of folders in 'parts/'"), ("7", "a list of names"),
        ] {
            try write(parts)
            #expect(try refusal().contains(words), "\(parts)")
        }
        try write("[\"parts/0-ia3\", \"parts/1-lora\"]", format: "graft adapter parts 2")
        #expect(try refusal().contains("format"))
        try write("[\"parts/0-ia3\", \"parts/1-lora\"]")
        _ = try AdapterBundle(contentsOf: folder.url, for: encoder)

        try FileManager.default.copyItem(at: folder.appending("parts/1-lora"), to: folder.appending("parts/2-lora"))
        try write("[\"parts/0-ia3\", \"parts/1-lora\", \"parts/2-lora\"]")
        #expect(try refusal().contains("is in two of the parts"))
        try write("[\"parts/0-ia3\", \"parts/1-lora\"]")
        try FileManager.default.copyItem(
            at: folder.appending("parts/1-lora/adapter_config.json"), to: folder.appending("adapter_config.json"))
        #expect(try refusal().contains("which is an adapter of its own"))
    }

    @Test func otherLibrariesRefuseTheWholeByTheNamesOfItsMethods() throws {
        let (bundle, folder) = (try bundle(.loraAndBottlenecks), try TemporaryFolder())
        for write in [bundle.writeForPEFT, bundle.writeForAdapterHub] {
            let error = #expect(throws: AdapterError.self) { try write(folder.url) }
            #expect("\(try #require(error))".contains("parts of several methods (lora, pfeiffer)"))
            #expect("\(try #require(error))".contains("parts/0-lora"))
        }
        #expect(try names(in: folder.url).isEmpty)
    }

    private func names(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)).sorted()
    }
}
