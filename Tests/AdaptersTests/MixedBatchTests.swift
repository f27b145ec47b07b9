import Adapters
import Encoders
import Matrices
import TestSupport
import Testing

/// Texts of several tasks in one batch, and one batch for several tasks: bit for bit what each task computes by itself.
@Suite struct MixedBatchTests {
    /// The adapters of one task, with its pass.
    struct Tenant {
        let adapters: AdapterSet
        let pass: Pass

        init(_ bundle: AdapterBundle) {
            (adapters, pass) = (bundle.adapters, Pass(parameters: bundle.parameters))
        }

        init() { (adapters, pass) = (.none, Pass(parameters: ParameterVector([]))) }
    }

    /// Texts of several lengths, more tokens in all than a block of rows has.
    static func texts(_ encoder: TransformerEncoder, _ count: Int) -> [PackedBatch] {
        var random = RandomStream(seed: 9, name: "texts")
        return (0..<count).map { index in
            let length = min(encoder.config.maximumPositions, 1 + Int(random.next() % 21))
            var batch = PackedBatch()
            batch.append(
                tokens: (0..<length).map { _ in Int32(5 + random.next() % 40) },
                segments: [Int32](repeating: 0, count: length))
            return batch
        }
    }

    static func joined(_ texts: [PackedBatch]) -> PackedBatch {
        var batch = PackedBatch()
        for text in texts { batch.append(tokens: text.tokens, segments: text.segments) }
        return batch
    }

    /// Adapters of several ranks and places, one of them none, one with biases that were trained, one the changes of two others.
    static func tenants(_ encoder: TransformerEncoder) throws -> [Tenant] {
        let linear = encoder.config.projections
        let whole = try random(AdapterRecipe(rank: 3, projections: linear), encoder, seed: 1)
        let upper = try random(
            AdapterRecipe(rank: 5, alpha: 2, layers: [encoder.config.distinctLayers - 1]), encoder, seed: 2)
        let usual = try random(AdapterRecipe(), encoder, seed: 3)
        let normed = try Unfreezing(norms: true).deltas(for: encoder, over: upper.adapters)
        let sum = try AdapterSet.sum([
            .init(name: "whole", adapters: whole.adapters, pass: Pass(parameters: whole.parameters), weight: 0.5),
            .init(name: "usual", adapters: usual.adapters, pass: Pass(parameters: usual.parameters), weight: -2),
        ])
        return [
            Tenant(whole), Tenant(), Tenant(upper), changed(encoder), Tenant(usual),
            Tenant(sum.adapters, sum.parameters), Tenant(normed, random(normed.parameters, seed: 5)),
        ]
    }

    /// What else works beside the product that all share: with lengths of rows, factors, biases.
    static func beside(_ encoder: TransformerEncoder) throws -> [Tenant] {
        let methods: [any AdapterMethod] = [
            try LoRAMethod(MethodSettings(["dora": .flag(true)])), IA3Method(),
            try LoRAMethod(MethodSettings(["lora_bias": .flag(true), "rank": .number(2)])),
        ]
        return try methods.enumerated().map { index, method in
            let recipe = AdapterRecipe(method, projections: encoder.config.projections)
            let tenant = Tenant(try random(recipe, encoder, seed: 10 + UInt64(index)))
            #expect(tenant.adapters.linear.values.allSatisfy { $0 is any RowwiseAdapter })
            return tenant
        }
    }

    /// What works around blocks and behind layers, in every layer and in the last alone: first two bottlenecks alike, last a LoRA by
    /// itself and with the first bottleneck over it.
    static func ofBlocks(_ encoder: TransformerEncoder) throws -> [Tenant] {
        let last = [encoder.config.distinctLayers - 1]
        let parallel = try ParallelMethod(MethodSettings(["norm_before": .flag(true)]))
        let recipes: [(recipe: AdapterRecipe, seed: UInt64)] = [
            (AdapterRecipe(try PfeifferMethod(MethodSettings()), layers: last), 21),
            (AdapterRecipe(try PfeifferMethod(MethodSettings()), layers: last), 21),
            (AdapterRecipe(try HoulsbyMethod(MethodSettings())), 22), (AdapterRecipe(parallel), 23),
            (AdapterRecipe(try CompacterPlusPlusMethod(MethodSettings())), 24),
            (AdapterRecipe(try LoReftMethod(MethodSettings()), layers: last), 25),
        ]
        var tenants: [Tenant] = []
        for (recipe, seed) in recipes {
            switch Result(catching: { () throws(AdapterError) in try recipe.fresh(for: encoder, seed: seed) }) {
            case .success(let fresh):
                tenants.append(Tenant(fresh.adapters, moved(fresh.adapters, fresh.parameters, seed: seed)))
            // One kind has no place in ModernBERT.
            case .failure(.notForFamily): continue
            case .failure(let error): throw error
            }
        }
        let low = try random(AdapterRecipe(rank: 4), encoder, seed: 26)
        let both = AdapterSet(low.adapters.linear, blocks: tenants[0].adapters.blocks)
        var values = ParameterVector(both.parameters)
        for parameter in low.adapters.parameters { values[parameter] = low.parameters[parameter] }
        for parameter in tenants[0].adapters.parameters {
            values[parameter] = tenants[0].pass.parameters[parameter]
        }
        return tenants + [Tenant(low), Tenant(both, values)]
    }

    /// Starting values, each moved a little.
    private static func moved(_ adapters: AdapterSet, _ start: ParameterVector, seed: UInt64) -> ParameterVector {
        let noise = random(adapters.parameters, seed: seed)
        var values = start
        for parameter in adapters.parameters {
            var sum = start[parameter]
            sum.add(noise[parameter])
            values[parameter] = sum
        }
        return values
    }

    /// Adapters of tables of embeddings, with two alike.
    static func ofTables(_ encoder: TransformerEncoder) throws -> [Tenant] {
        let method = try LoRAMethod(MethodSettings(["tokens": .list([.number(7), .number(11)])]))
        let (rows, table) = (AdapterRecipe(method), AdapterRecipe(LoRAMethod(rank: 2), targets: .names(["words"])))
        let seeds: [(recipe: AdapterRecipe, seed: UInt64)] = [(rows, 1), (table, 2), (rows, 1), (table, 3)]
        return try seeds.map { Tenant(try random($0.recipe, encoder, seed: $0.seed)) }
    }

    /// A weight that was trained whole, which has a product of its own.
    private static func changed(_ encoder: TransformerEncoder) -> Tenant {
        let projection: Projection = encoder.config.projections.contains(.output) ? .output : .intermediate
        let site = Site(layer: 0, projection: projection)
        let base = encoder[site]
        let adapters = AdapterSet([
            site: WeightDelta(name: "\(site)", inputs: base.inputs, outputs: base.outputs, hasBias: false)
        ])
        return Tenant(adapters, random(adapters.parameters, seed: 6))
    }

    private static func random(_ parameters: [Parameter], seed: UInt64) -> ParameterVector {
        var values = ParameterVector(parameters)
        for parameter in parameters {
            var random = RandomStream(seed: seed, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.1 * random.normal() })
        }
        return values
    }

    static func random(_ recipe: AdapterRecipe, _ encoder: TransformerEncoder, seed: UInt64) throws -> AdapterBundle {
        let (adapters, _) = try recipe.fresh(for: encoder, seed: seed)
        let values = random(adapters.parameters, seed: seed)
        return AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
    }

    @Test(arguments: FamilyFixture.names, Precision.allCases)
    func aTextIsTheSameAmongTextsOfOthers(family: String, precision: Precision) throws {
        let encoder = try FamilyFixture(family).encoder(precision)
        let ofBlocks = try Self.ofBlocks(encoder)
        let others = try (Self.tenants(encoder) + Self.beside(encoder)).filter { encoder.mixes($0.adapters) }
        #expect(others.count >= 2)
        // Each kind beside another.
        let tenants =
            (0..<max(others.count, ofBlocks.count)).flatMap { index in
                [others[index % others.count], ofBlocks[index % ofBlocks.count]]
            }.filter { encoder.mixes($0.adapters) }
        #expect(tenants.contains { !$0.adapters.blocks.isEmpty } && tenants.contains { !$0.adapters.outputs.isEmpty })
        let texts = Self.texts(encoder, 2 * tenants.count)
        var rows: [(rows: Range<Int>, adapters: AdapterSet, pass: Pass)] = []
        var row = 0
        for (index, text) in texts.enumerated() {
            let tenant = tenants[index / 2 % tenants.count]
            let end = row + text.tokens.count
            // What stands for no adapters at all, and rows that nobody has.
            if !tenant.adapters.isEmpty || index % 3 == 0 { rows.append((row..<end, tenant.adapters, tenant.pass)) }
            row = end
        }
        for threads in [1, 2, 5] {
            let before = Parallel.threads
            defer { Parallel.threads = before }
            Parallel.threads = threads
            let mixed = encoder.forward(
                Self.joined(texts), adapters: encoder.mixing(rows), Pass(parameters: ParameterVector([]))
            ).hidden
            var start = 0
            for (index, text) in texts.enumerated() {
                let tenant = tenants[index / 2 % tenants.count]
                let alone = encoder.forward(text, adapters: tenant.adapters, tenant.pass).hidden
                let end = start + text.tokens.count
                #expect((start..<end).map(mixed.row) == (0..<alone.rows).map(alone.row), "text \(index)")
                start = end
            }
        }
    }

    @Test(arguments: FamilyFixture.names, Precision.allCases)
    func whatTasksHaveInCommonIsComputedOnceAndTheSame(family: String, precision: Precision) throws {
        let encoder = try FamilyFixture(family).encoder(precision)
        let last = encoder.config.distinctLayers - 1
        let tenants =
            try Self.tenants(encoder) + [
                // The same as another, and one that begins as another does.
                Tenant(try Self.random(AdapterRecipe(), encoder, seed: 3)),
                Tenant(try Self.random(AdapterRecipe(rank: 2, layers: [last]), encoder, seed: 4)),
            ] + Self.beside(encoder) + Self.ofTables(encoder) + Self.ofBlocks(encoder)
        let branches = tenants.map { (adapters: $0.adapters, pass: $0.pass) }
        let sharing = LayerSharing(branches, on: encoder)
        let batch = Self.joined(Self.texts(encoder, 7))
        for chosen in [
            Array(tenants.indices), [1, 2, 8], [4, 7], [3], [0, 1], [9, 12, 13, 14, 15, 1],
            [16, 17], [1, 16, 4, 17, tenants.count - 3], [tenants.count - 2, tenants.count - 1, 3, 1],
        ] {
            let states = encoder.hiddenStates(batch, branches, sharing, chosen: chosen)
            #expect(states.count == chosen.count)
            for (index, hidden) in zip(chosen, states) {
                let alone = encoder.forward(batch, adapters: branches[index].adapters, branches[index].pass).hidden
                #expect(hidden == alone, "\(index) of \(chosen)")
            }
        }
        let strands = sharing.strands(of: Array(tenants.indices))
        #expect(strands.contains([4, 7]) && strands.contains([12, 14]) && strands.contains([13]))
        #expect(tenants[12..<16].allSatisfy { !encoder.mixes($0.adapters) })
        #expect(strands.contains([16, 17]))
        // Up to the layer of the first bottleneck, or of what stands behind it, nothing is computed twice; the embeddings count as one.
        let (low, both, behind) = (tenants.count - 2, tenants.count - 1, tenants.count - 3)
        #expect(!tenants[behind].adapters.outputs.isEmpty)
        let lowest = try #require(encoder.lowestLayer(changedBy: tenants[16].adapters))
        for group in [[1, 16], [1, behind], [1, 17, behind], [low, both]] {
            #expect(sharing.common(to: group, from: 0) == lowest + 1, "\(group)")
        }
        #expect(sharing.common(to: [1, both], from: 0) == 1)
    }

    @Test(arguments: FamilyFixture.names)
    func adaptersOfTablesAddUpAndMerge(family: String) throws {
        let encoder = try FamilyFixture(family).encoder()
        let tenants = try Self.ofTables(encoder)
        let terms = zip(["rows", "table"], tenants).map { name, tenant in
            AdapterSet.Term(name: name, adapters: tenant.adapters, pass: tenant.pass, weight: 0.5)
        }
        let (adapters, values) = try AdapterSet.sum(terms)
        let batch = Self.joined(Self.texts(encoder, 5))
        let together = encoder.forward(batch, adapters: adapters, Pass(parameters: values)).hidden
        let merged = try encoder.merging(adapters, values)
        let plain = merged.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(Closeness.largestDifference(together.values, plain.values) < 1e-4)
        // Σ w (adapted − frozen), on a table whose rows are looked at one by one.
        let frozen = encoder.values(of: .table(.words))
        let tables = try tenants.prefix(2).map { tenant in
            try encoder.mergedTensors(tenant.adapters, tenant.pass.parameters)[.table(.words)] ?? frozen
        }
        var expected = frozen
        for table in tables {
            expected.add(table, scale: 0.5)
            expected.add(frozen, scale: -0.5)
        }
        #expect(Closeness.largestDifference(merged.values(of: .table(.words)).values, expected.values) < 1e-5)
        let unfrozen = try Unfreezing(embeddings: true).deltas(for: encoder, over: .none)
        let own = AdapterSet.Term(
            name: "unfrozen", adapters: unfrozen, pass: Pass(parameters: ParameterVector(unfrozen.parameters)),
            weight: 1)
        #expect(throws: AdapterError.self) { try AdapterSet.sum(terms + [own]) }
    }

    /// Methods that change norms or tables, or put something before the texts.
    static let apart: Set<String> = ["ln-tuning", "bitfit", "prefix", "prompt", "p-tuning"]

    /// One method's texts among those of LoRA and of none: for each method that can be in such a batch at all.
    @Test(arguments: MethodBatteryTests.subjects, Precision.allCases)
    func everyMethodIsTheSameAmongOthers(subject: MethodBatteryTests.Subject, precision: Precision) throws {
        let encoder = try FamilyFixture(subject.family).encoder(precision)
        guard let (adapters, values) = try subject.trained(encoder) else { return }
        guard encoder.mixes(adapters) else {
            // In DeBERTa the table of positions goes through the maps of queries and keys.
            let sharesMaps = subject.family.contains("deberta") && !adapters.linear.isEmpty
            #expect(Self.apart.contains(subject.method) || sharesMaps)
            return
        }
        var recipe = AdapterRecipe(rank: 3, projections: encoder.config.projections)
        if !encoder.mixes(try recipe.fresh(for: encoder, seed: 1).adapters) {
            recipe.projections = encoder.config.projections.filter { $0 != .query && $0 != .key }
        }
        let others = [Tenant(try Self.random(recipe, encoder, seed: 2)), Tenant()]
        let own = Tenant(adapters, values)
        let texts = Self.texts(encoder, 12)
        var rows: [(rows: Range<Int>, adapters: AdapterSet, pass: Pass)] = []
        var row = 0
        for (index, text) in texts.enumerated() {
            let tenant = index % 3 == 0 ? own : others[index % 2]
            rows.append((row..<row + text.tokens.count, tenant.adapters, tenant.pass))
            row += text.tokens.count
        }
        let mixed = encoder.forward(
            Self.joined(texts), adapters: encoder.mixing(rows), Pass(parameters: ParameterVector([]))
        ).hidden
        for (text, tenant) in zip(texts, rows) {
            let alone = encoder.forward(text, adapters: tenant.adapters, tenant.pass).hidden
            #expect(tenant.rows.map(mixed.row) == (0..<alone.rows).map(alone.row))
        }
    }

    @Test func aBatchHasItsOwnValuesWhateverPassesWereBefore() throws {
        let encoder = try TinyEncoder.load()
        let other = try Fixtures.copyOfTinyEncoder(changing: "encoder.layer.1.attention.self.query.weight")
        let changed = try TransformerEncoder(contentsOf: other.url)
        let bundle = try Self.random(AdapterRecipe(), encoder, seed: 1)
        let pass = Pass(parameters: bundle.parameters)
        let texts = Self.texts(encoder, 2)
        for encoder in [encoder, changed, encoder] {
            let rows = 0..<texts[0].tokens.count
            let mixed = encoder.forward(
                Self.joined(texts), adapters: encoder.mixing([(rows, bundle.adapters, pass)]),
                Pass(parameters: ParameterVector([]))
            ).hidden
            let alone = encoder.forward(texts[0], adapters: bundle.adapters, pass).hidden
            #expect(rows.map(mixed.row) == rows.map(alone.row))
        }
    }
}

extension MixedBatchTests.Tenant {
    fileprivate init(_ adapters: AdapterSet, _ values: ParameterVector) {
        (self.adapters, pass) = (adapters, Pass(parameters: values))
    }
}
