import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Where adapters go: targets in all the ways that people write them, layers, exclusions, and parts with settings of their own.
@Suite struct AdapterRecipeTests {
    private func recipe(_ targets: AdapterRecipe.Targets, layers: [Int]? = nil) -> AdapterRecipe {
        AdapterRecipe(LoRAMethod(rank: 2, alpha: 3), targets: targets, layers: layers)
    }

    private func config(_ family: String) throws -> EncoderConfig { try FamilyFixture(family).encoder().config }

    @Test(arguments: FamilyFixture.names)
    func allLinearIsEveryLinearMap(family: String) throws {
        let config = try config(family)
        let modules = try recipe(.allLinear).places(on: config).modules
        #expect(modules == config.adaptableModules.filter { $0.table == nil })
        #expect(modules.contains(.embeddingProjection) == config.projectsEmbeddings)
    }

    @Test(arguments: [
        (AdapterRecipe.Targets.names(["query", "value"]), 6), (.names(["attention.self.query"]), 3),
        (.names(["output.dense"]), 6), (.names(["output"]), 3), (.names(["dense"]), 9),
        (.names(["words", "query"]), 4), (.names(["position_embeddings"]), 1), (.names(["layer.1.query"]), 1),
        (.names(["encoder.layer.2.output.dense"]), 1), (.pattern(#".*\.[01]\.attention.*"#), 8),
        (.pattern(".*(query|word_embeddings)"), 4), (.allLinear, 18),
    ])
    func targetsMeanModules(targets: AdapterRecipe.Targets, count: Int) throws {
        let places = try recipe(targets).places(on: config("bert"))
        #expect(places.modules.count == count)
        #expect(places.matches.allSatisfy { $0.modules > 0 })
    }

    @Test func layersAndExclusionsLeaveModulesOut() throws {
        var recipe = recipe(.allLinear, layers: [0, 2])
        recipe.excluded = .names(["key", "attention.output.dense"])
        let places = try recipe.places(on: config("bert"))
        #expect(places.modules.count == 8)
        #expect(
            places.matches == [
                TargetMatch(field: "targets", entry: "all-linear", modules: 18),
                TargetMatch(field: "exclude", entry: "key", modules: 3),
                TargetMatch(field: "exclude", entry: "attention.output.dense", modules: 3),
                TargetMatch(field: "layers", entry: "0", modules: 4),
                TargetMatch(field: "layers", entry: "2", modules: 4),
            ])
        recipe.excluded = .allLinear
        let error = #expect(throws: AdapterError.self) { try recipe.places(on: config("bert")) }
        guard case .nothingTargeted = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test(arguments: [
        ("valu", "value"), ("word_embedings", "word_embeddings"), ("attention.self.qury", "attention.self.query"),
        ("wrds", "words"),
    ])
    func aTargetThatMatchesNothingIsRefusedWithTheNearest(target: String, nearest: String) throws {
        let error = #expect(throws: AdapterError.self) {
            try recipe(.names(["query", target])).places(on: config("bert"))
        }
        guard case .targetMatchesNothing(_, target, _, nearest: nearest) = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    @Test func aPatternThatMatchesNothingOrIsNoneIsRefused() throws {
        let nothing = #expect(throws: AdapterError.self) {
            try recipe(.pattern("query.*")).places(on: config("bert"))
        }
        guard case .targetMatchesNothing(_, "query.*", _, _) = nothing else {
            Issue.record("\(String(describing: nothing))"); return
        }
        let wrong = #expect(throws: AdapterError.self) { try recipe(.pattern("(query")).places(on: config("bert")) }
        guard case .invalidPattern(_, "targets", "(query") = wrong else {
            Issue.record("\(String(describing: wrong))"); return
        }
    }

    @Test(arguments: [
        ("all-linear", AdapterRecipe.Targets.allLinear), ("query,value", .names(["query", "value"])),
        ("attention.self.query", .names(["attention.self.query"])), (".*query", .pattern(".*query")),
        ("query|key", .pattern("query|key")),
    ])
    func aTextSaysTargets(text: String, targets: AdapterRecipe.Targets) {
        #expect(AdapterRecipe.Targets(text) == targets)
        #expect(AdapterRecipe.Targets(text)?.text == text)
    }

    @Test(arguments: ["", "query,", "query,query"])
    func aTextThatSaysNoneIsNone(text: String) { #expect(AdapterRecipe.Targets(text) == nil) }

    // MARK: Parts

    private func parts() -> AdapterRecipe {
        var recipe = recipe(.names(["query", "value"]))
        recipe.parts = [
            AdapterRecipe.Part(layers: [0], settings: MethodSettings(["rank": .number(4)])),
            AdapterRecipe.Part(
                targets: .names(["query", "intermediate"]), layers: [1, 2],
                settings: MethodSettings(["rank": .number(3), "alpha": .number(9), "dropout": .number(0.25)])),
            AdapterRecipe.Part(targets: .names(["output"]), layers: [2]),
        ]
        return recipe
    }

    @Test(arguments: ["bert", "modernbert", "t5", "mpnet", "distilbert", "deberta-v3"])
    func partsHaveRanksOfTheirOwnWhichPEFTReadsAsPatterns(family: String) throws {
        let encoder = try FamilyFixture(family).encoder()
        var recipe = parts()
        let query: Projection = encoder.config.isAttentionFused ? .queryKeyValue : .query
        recipe.targets = .names([query.rawValue])
        recipe.parts[1].targets = .names([query.rawValue, "intermediate"])
        let fresh = try recipe.fresh(for: encoder, seed: 1)
        func lora(_ layer: Int, _ projection: Projection) throws -> LoRA {
            try #require(fresh.adapters.linear[Site(layer: layer, projection: projection)] as? LoRA)
        }
        #expect(fresh.adapters.sites.count == 6)
        let (first, middle, last) = (try lora(0, query), try lora(1, query), try lora(2, query))
        #expect(first.a.rows == 4 && first.scale == 0.75)
        #expect(middle.a.rows == 3 && middle.scale == 3 && last.dropoutRate == 0.25)
        let output = try lora(2, .output)
        #expect(output.a.rows == 2 && output.scale == 1.5 && output.dropoutRate == 0)

        let written = AdapterBundle(
            recipe, trained: fresh.parameters, fresh.adapters, on: encoder, baseModel: family)
        let method = try #require(written.configuration.method as? LoRAMethod)
        #expect(!method.rankPattern.isEmpty && !method.alphaPattern.isEmpty)
        #expect(method.rank == 2 && method.alpha == 3)
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(read.configuration == written.configuration)
        #expect(read.adapters.sites == written.adapters.sites)
        #expect(read.parameters.values == written.parameters.values)
        for site in read.adapters.sites {
            let (found, expected) = (read.adapters.linear[site] as? LoRA, fresh.adapters.linear[site] as? LoRA)
            #expect(found?.scale == expected?.scale, "\(site)")
        }
    }

    @Test func aModuleInTwoPartsIsRefused() throws {
        var recipe = parts()
        recipe.parts[2].targets = .names(["query"])
        let error = #expect(throws: AdapterError.self) { try recipe.places(on: config("bert")) }
        guard case .inSeveralParts(module: "layer.2.query") = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    @Test func aSettingThatCannotDifferIsRefused() throws {
        var recipe = parts()
        recipe.parts[0].settings = MethodSettings(["dora": .flag(true)])
        let error = #expect(throws: AdapterError.self) {
            try recipe.fresh(for: FamilyFixture("bert").encoder(), seed: 0)
        }
        guard case .notOfMethod = error else { Issue.record("\(String(describing: error))"); return }
    }

    // MARK: Names in files

    @Test(arguments: FamilyFixture.names)
    func whateverIsAdaptedIsWhatIsReadAgain(family: String) throws {
        let encoder = try FamilyFixture(family).encoder()
        let config = encoder.config
        for (index, projection) in config.projections.enumerated() {
            for layers in [nil, [config.distinctLayers - 1]] {
                var recipe = recipe(.names([projection.rawValue]), layers: layers)
                if index % 2 == 1 {
                    // Several maps, not the same in each layer.
                    recipe.parts = [
                        .init(layers: layers), .init(targets: .names([config.projections[0].rawValue]), layers: [0]),
                    ]
                }
                let fresh = try recipe.fresh(for: encoder, seed: 1)
                let folder = try TemporaryFolder()
                try AdapterBundle(recipe, trained: fresh.parameters, fresh.adapters, on: encoder, baseModel: nil)
                    .write(into: folder.url)
                let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
                #expect(read.adapters.sites == fresh.adapters.sites, "\(projection) of layers \(layers ?? [])")
            }
        }
    }
}
