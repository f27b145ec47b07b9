import Adapters
import Encoders
import Files
import Foundation
import Matrices
import Safetensors
import TestSupport
import Testing

/// Adapters in the formats of other programs.
@Suite struct ConversionTests {
    private let encoder: TransformerEncoder
    private let conversion: AdapterConversion

    init() throws {
        encoder = try TinyEncoder.load()
        conversion = AdapterConversion(for: encoder)
    }

    /// An adapter by its linear maps: matrices and scale.
    private func parts(_ bundle: AdapterBundle) -> [Site: [Matrix]] {
        bundle.adapters.linear.mapValues { adapter in
            guard let lora = (adapter as? LoRA) ?? (adapter as? DoRA)?.lora else { return [] }
            let scale = Matrix(rows: 1, columns: 1, values: [lora.scale])
            let lengths = (adapter as? DoRA).map { [bundle.parameters[$0.magnitude]] } ?? []
            return [bundle.parameters[lora.a], bundle.parameters[lora.b], scale] + lengths
        }
    }

    private func hidden(_ encoder: TransformerEncoder, _ bundle: AdapterBundle) -> Matrix {
        var batch = PackedBatch()
        batch.append(tokens: [2, 7, 9, 11, 3], segments: [0, 0, 0, 0, 0])
        return encoder.forward(batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters)).hidden
    }

    // MARK: Files that others wrote

    @Test(arguments: [
        ("peft", AdapterFormat.peft), ("peft-dora", .peft), ("mlx", .mlx), ("mlx-dora", .mlx), ("lora.gguf", .gguf),
        ("half.gguf", .gguf), ("../adapterhub/bert.pfeiffer", .adapterhub), ("../adapterhub/bert.fusion", .adapterhub),
        ("../adapterhub-lora/bert.lora", .adapterhub),
    ])
    func theFormatIsRecognized(name: String, format: AdapterFormat) throws {
        #expect(try AdapterConversion.format(of: Fixtures.url("conversion/\(name)")) == format)
    }

    @Test func theFormatIsRecognizedByWhatIsInAFileNotByItsName() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(at: Fixtures.url("conversion/lora.gguf"), to: folder.appending("adapter.bin"))
        #expect(try AdapterConversion.format(of: folder.appending("adapter.bin")) == .gguf)
        #expect(try parts(conversion.read(folder.appending("adapter.bin"))).count == 9)
        for other in ["conversion/versions.json", "conversion/nothing", "encoder/config.json"] {
            let error = #expect(throws: AdapterConversionError.self) {
                try AdapterConversion.format(of: Fixtures.url(other))
            }
            guard case .unknownFormat = error else { Issue.record("\(String(describing: error))"); continue }
        }
    }

    @Test(arguments: [("mlx", "peft"), ("mlx-dora", "peft-dora"), ("lora.gguf", "peft")])
    func whatOthersWriteIsWhatPEFTWrites(name: String, peft: String) throws {
        let peft = try conversion.read(Fixtures.url("conversion/\(peft)"))
        let other = try conversion.read(Fixtures.url("conversion/\(name)"), baseModel: "tiny-bert")
        #expect(parts(other) == parts(peft))
        #expect(hidden(encoder, other) == hidden(encoder, peft))
        #expect(other.configuration.baseModel == "tiny-bert")
        let folder = try TemporaryFolder()
        #expect(try conversion.write(other, as: .peft, to: folder.appending("peft")).isExact)
        let again = try AdapterBundle(contentsOf: folder.appending("peft"), for: encoder)
        #expect(parts(again) == parts(peft) && again.configuration == other.configuration)
    }

    @Test(arguments: [("lora.gguf", ElementType.float32), ("half.gguf", .float16)])
    func theBytesAreThoseOfTheGGUFPackage(name: String, type: ElementType) throws {
        let folder = try TemporaryFolder()
        let bundle = try conversion.read(Fixtures.url("conversion/peft"))
        let parity = try conversion.write(bundle, as: .gguf, to: folder.appending("own.gguf"), type: type)
        #expect(parity.maps == 9 && parity.isExact == (type == .float32))
        #expect(parity.largestDifference <= (type == .float32 ? 0 : 2e-3))
        #expect(
            try Data(contentsOf: folder.appending("own.gguf")) == Data(contentsOf: Fixtures.url("conversion/\(name)")))
    }

    @Test(arguments: ["", "-dora"])
    func theFolderOfMLXIsTheSame(ending: String) throws {
        let folder = try TemporaryFolder()
        let bundle = try conversion.read(Fixtures.url("conversion/peft\(ending)"))
        #expect(try conversion.write(bundle, as: .mlx, to: folder.appending("mlx")).isExact)
        let own = try SafetensorsFile(contentsOf: folder.appending("mlx/adapters.safetensors"))
        let theirs = try SafetensorsFile(contentsOf: Fixtures.url("conversion/mlx\(ending)/adapters.safetensors"))
        #expect(own.names.sorted() == theirs.names.sorted())
        for name in theirs.names {
            let (left, right) = (try own.tensor(named: name), try theirs.tensor(named: name))
            let (own, theirs) = (try left.floats(), try right.floats())
            #expect(left.shape == right.shape && own == theirs, "\(name)")
        }
        func config(_ url: URL) throws -> NSDictionary {
            try #require(
                JSONSerialization.jsonObject(with: Data(contentsOf: url.appending(path: "adapter_config.json")))
                    as? NSDictionary)
        }
        #expect(try config(folder.appending("mlx")) == config(Fixtures.url("conversion/mlx\(ending)")))
    }

    // MARK: There and back

    @Test(arguments: FamilyFixture.names, [AdapterFormat.mlx, .gguf])
    func everyFamilyComesBackAsItWas(family: String, format: AdapterFormat) throws {
        let encoder = try FamilyFixture(family).encoder()
        let conversion = AdapterConversion(for: encoder)
        let recipe = AdapterRecipe(rank: 4, alpha: 12, projections: encoder.config.projections)
        let bundle = try MixedBatchTests.random(recipe, encoder, seed: 1)
        let folder = try TemporaryFolder()
        let place = folder.appending(format == .gguf ? "adapter.gguf" : "adapter")
        let unknown = ["mpnet", "electra", "albert", "deberta-v2"]
        if format == .gguf, unknown.contains(encoder.config.family.modelType) {
            let error = #expect(throws: AdapterConversionError.self) {
                try conversion.write(bundle, as: format, to: place)
            }
            guard case .noArchitecture = error else { Issue.record("\(String(describing: error))"); return }
            #expect(!FileManager.default.fileExists(atPath: place.path))
            return
        }
        #expect(try conversion.write(bundle, as: format, to: place).isExact)
        let back = try conversion.read(place)
        #expect(parts(back) == parts(bundle))
        #expect(hidden(encoder, back) == hidden(encoder, bundle))
        let peft = folder.appending("peft")
        #expect(try conversion.write(back, as: .peft, to: peft).isExact)
        #expect(parts(try AdapterBundle(contentsOf: peft, for: encoder)) == parts(bundle))
    }

    /// Ranks and scales that differ from map to map, in places that no list of projections and layers names.
    private func irregular() throws -> AdapterBundle {
        var method = LoRAMethod(rank: 4, alpha: 8)
        method.rankPattern = ["encoder.layer.2.attention.self.query": 7, "encoder.layer.0.output.dense": 1]
        method.alphaPattern = [
            "encoder.layer.2.attention.self.query": 3, "encoder.layer.2.output.dense": -1,
            "encoder.layer.0.attention.self.query": 0,
        ]
        let recipe = AdapterRecipe(method, projections: [.query, .output], layers: [0, 2])
        return try MixedBatchTests.random(recipe, encoder, seed: 2)
    }

    @Test(arguments: FamilyFixture.names)
    func doraOfEveryFamilyComesBackFromMLXAsItWas(family: String) throws {
        let encoder = try FamilyFixture(family).encoder()
        let conversion = AdapterConversion(for: encoder)
        var method = LoRAMethod(rank: 4, alpha: 12)
        method.trainsLengths = true
        let recipe = AdapterRecipe(method, projections: encoder.config.projections)
        let bundle = try MixedBatchTests.random(recipe, encoder, seed: 1)
        let folder = try TemporaryFolder()
        #expect(try conversion.write(bundle, as: .mlx, to: folder.url).isExact)
        let back = try conversion.read(folder.url)
        #expect(parts(back) == parts(bundle))
        #expect(hidden(encoder, back) == hidden(encoder, bundle))
    }

    @Test func anAdapterGoesThroughAllFormatsAndIsTheSame() throws {
        let folder = try TemporaryFolder()
        let recipe = AdapterRecipe(rank: 4, alpha: 6, projections: [.query, .value, .output])
        let bundle = try MixedBatchTests.random(recipe, encoder, seed: 3)
        var last = bundle
        for (index, format) in [AdapterFormat.mlx, .adapterhub, .gguf, .peft, .gguf, .mlx, .peft].enumerated() {
            let place = folder.appending(format.isFile ? "\(index).gguf" : "\(index)")
            #expect(try conversion.write(last, as: format, to: place).isExact)
            #expect(try AdapterConversion.format(of: place) == format)
            last = try conversion.read(place, baseModel: "tiny-bert")
        }
        #expect(parts(last) == parts(bundle))
        #expect(hidden(encoder, last) == hidden(encoder, bundle))
    }

    /// Of a map that was scaled to nothing too.
    @Test(arguments: [AdapterFormat.mlx, .gguf])
    func ranksAndScalesMayDiffer(format: AdapterFormat) throws {
        let bundle = try irregular()
        let folder = try TemporaryFolder()
        let place = folder.appending(format == .gguf ? "adapter.gguf" : "adapter")
        let parity = try conversion.write(bundle, as: format, to: place)
        #expect(parity.maps == 4 && parity.largestDifference < 1e-6)
        let back = try conversion.read(place)
        #expect(Closeness.differenceOfLargest(hidden(encoder, back).values, hidden(encoder, bundle).values) < 1e-5)
        let peft = folder.appending("peft")
        #expect(try conversion.write(back, as: .peft, to: peft).isExact)
        #expect(hidden(encoder, try AdapterBundle(contentsOf: peft, for: encoder)) == hidden(encoder, back))
    }

    @Test(arguments: [AdapterFormat.mlx, .gguf])
    func whatAFormatHasNoPlaceForIsNamed(format: AdapterFormat) throws {
        var (dora, biased) = (LoRAMethod(), LoRAMethod())
        dora.trainsLengths = true
        biased.hasBias = true
        for method in [dora, biased, IA3Method(), LoHaMethod(), PfeifferMethod()] as [any AdapterMethod] {
            let recipe = AdapterRecipe(method)
            let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
            let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
            let folder = try TemporaryFolder()
            let place = folder.appending("adapter.gguf")
            let written = Result { try conversion.write(bundle, as: format, to: place) }
            guard case .failure(let error) = written else {
                #expect((method as? LoRAMethod)?.trainsLengths == true && format == .mlx)
                continue
            }
            switch error {
            case AdapterConversionError.notLowRank: #expect(!(method is PfeifferMethod))
            case AdapterConversionError.notOfLinearMaps: #expect(method is PfeifferMethod)
            default: throw error
            }
            #expect(!FileManager.default.fileExists(atPath: place.path))
        }
        let lora = try AdapterRecipe().fresh(for: encoder, seed: 1)
        for unfreezing in [Unfreezing(norms: true), Unfreezing(embeddings: true), Unfreezing(layers: [0])] {
            let adapters = try unfreezing.deltas(for: encoder, over: lora.adapters)
            let bundle = AdapterBundle(
                AdapterRecipe(), trained: ParameterVector(adapters.parameters), adapters, on: encoder, baseModel: nil)
            let folder = try TemporaryFolder()
            let place = folder.appending("adapter.gguf")
            let error = #expect(throws: AdapterConversionError.self) {
                try conversion.write(bundle, as: format, to: place)
            }
            guard case .notLowRank = error else { Issue.record("\(String(describing: error))"); continue }
            #expect(!FileManager.default.fileExists(atPath: place.path))
        }
    }

    // MARK: Wrong files

    @Test func aGGUFFileThatIsCutShortIsRefusedAtEveryLength() throws {
        let folder = try TemporaryFolder()
        let bytes = try Data(contentsOf: Fixtures.url("conversion/lora.gguf"))
        let place = folder.appending("cut.gguf")
        let header = 2000
        for length in Array(0..<header) + stride(from: header, to: bytes.count, by: 997) {
            try bytes.prefix(length).write(to: place)
            #expect(throws: AdapterConversionError.self, "\(length)") { try conversion.read(place) }
        }
    }

    @Test func aGGUFFileWithAWrongByteIsRefusedOrReadWhole() throws {
        let folder = try TemporaryFolder()
        let bytes = try Data(contentsOf: Fixtures.url("conversion/lora.gguf"))
        let place = folder.appending("wrong.gguf")
        var refused = 0
        for index in 0..<1500 {
            var wrong = bytes
            wrong[index] ^= index % 2 == 0 ? 0x01 : 0x80
            try wrong.write(to: place)
            do {
                #expect(try conversion.read(place, allowingOtherBase: true).adapters.linear.count == 9)
            } catch { refused += 1 }
        }
        #expect(refused > 1000)
    }

    @Test func anAdapterForSomethingElseIsNamed() throws {
        let distil = try FamilyFixture("modernbert").encoder()
        let other = #expect(throws: AdapterConversionError.self) {
            try AdapterConversion(for: distil).read(Fixtures.url("conversion/lora.gguf"))
        }
        guard case .otherArchitecture(_, "'bert'", "modern-bert") = other else {
            Issue.record("\(String(describing: other))")
            return
        }
        let names = #expect(throws: AdapterConversionError.self) {
            try AdapterConversion(for: distil).read(Fixtures.url("conversion/mlx"))
        }
        guard case .unexpectedTensor = names else { Issue.record("\(String(describing: names))"); return }
        let copy = try Fixtures.copyOfTinyEncoder(changing: "encoder.layer.0.output.dense.bias")
        let changed = AdapterConversion(for: try TransformerEncoder(contentsOf: copy.url))
        let base = #expect(throws: AdapterConversionError.self) {
            try changed.read(Fixtures.url("conversion/lora.gguf"))
        }
        guard case .otherBase = base else { Issue.record("\(String(describing: base))"); return }
        #expect(
            try parts(changed.read(Fixtures.url("conversion/lora.gguf"), allowingOtherBase: true))
                == parts(conversion.read(Fixtures.url("conversion/peft"))))
        let nothing = #expect(throws: AdapterConversionError.self) { try conversion.read(Fixtures.url("encoder")) }
        guard case .unknownFormat = nothing else { Issue.record("\(String(describing: nothing))"); return }
    }

    @Test(arguments: ["lora_a", "lora_b", "m"])
    func halfOfAPairIsMissed(half: String) throws {
        let folder = try TemporaryFolder()
        let source = Fixtures.url("conversion/mlx-dora")
        try FileManager.default.copyItem(
            at: source.appending(path: "adapter_config.json"), to: folder.appending("adapter_config.json"))
        let file = try SafetensorsFile(contentsOf: source.appending(path: "adapters.safetensors"))
        var writer = SafetensorsWriter()
        let missing = "encoder.layer.1.attention.self.query.\(half)"
        for name in file.names where name != missing { writer.add(try file.tensor(named: name)) }
        try writer.write(to: folder.appending("adapters.safetensors"))
        let error = #expect(throws: AdapterConversionError.self) { try conversion.read(folder.url) }
        guard case .missingTensor(_, missing) = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test func lengthsThatTheConfigurationKnowsNothingOfAreNamed() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            at: Fixtures.url("conversion/mlx-dora/adapters.safetensors"), to: folder.appending("adapters.safetensors"))
        try FileManager.default.copyItem(
            at: Fixtures.url("conversion/mlx/adapter_config.json"), to: folder.appending("adapter_config.json"))
        let error = #expect(throws: AdapterConversionError.self) { try conversion.read(folder.url) }
        guard case .unexpectedTensor(_, "encoder.layer.0.attention.self.query.m", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
