import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// Parts of the encoder that PEFT trained whole (`Tests/Peers/make_unfreezing_fixtures.py`): hidden states, gradients in float32
/// against float64, and the way back into a folder.
@Suite struct UnfreezingGoldenTests {
    /// Those that PEFT wrote.
    static let folders = folders(of: ["modules", "biases"])
    /// Those that are as Graft writes what PEFT has no form of its own for, and that PEFT opens as what they are.
    static let ownFolders = folders(of: ["alone", "under", "biases-alone"])

    private static func folders(of kinds: [String]) -> [String] {
        kinds.flatMap { kind in
            ((try? FileManager.default.contentsOfDirectory(atPath: Fixtures.url("unfreezing").path)) ?? []).sorted()
                .map { "\($0)/\(kind)" }
                .filter { FileManager.default.fileExists(atPath: Fixtures.url("unfreezing/\($0)").path) }
        }
    }

    @Test func thereAreFixturesOfBothKinds() {
        #expect(Self.folders.filter { $0.hasSuffix("modules") }.count == 8)
        #expect(Self.folders.filter { $0.hasSuffix("biases") }.count == 4)
        #expect(Self.ownFolders.count == 8 + 8 + 4)
    }

    @Test(arguments: folders)
    func aFolderOfPEFTComputesAndLearnsAsInPEFT(folder: String) throws {
        let fixture = try UnfreezingFixture(folder)
        let (hidden, gradients) = try fixture.run(demand: .parameters)
        let expected = try fixture.floats("last")
        #expect(Closeness.differenceOfLargest(hidden.values, expected) < 1e-5, "\(folder)")
        var compared = 0
        for (parameter, name) in fixture.names {
            let gradient = gradients[parameter]
            if fixture.isIdle(name) {
                #expect(gradient.values.allSatisfy { abs($0) < 1e-4 }, "\(name) of \(folder)")
                continue
            }
            let (right, left) = UnfreezingFixture.products(of: gradient)
            for (found, side) in [(right, "right"), (left, "left")] where side == "left" || gradient.rows > 1 {
                let error = Closeness.relativeError(found, try fixture.floats("gradient.\(name).\(side)"))
                #expect(error < 1e-5, "\(side) of \(name) of \(folder)")
            }
            compared += 1
        }
        #expect(compared == fixture.gradientCount)
    }

    @Test(arguments: folders)
    func aFolderWrittenAgainComputesTheSameBytes(folder: String) throws {
        let fixture = try UnfreezingFixture(folder)
        let written = try TemporaryFolder()
        let source = fixture.bundle
        try source.write(into: written.url)
        let read = try AdapterBundle(contentsOf: written.url, for: fixture.encoder)
        #expect(read.adapters.parameters == source.adapters.parameters)
        #expect(read.parameters.values == source.parameters.values)
        func names(_ url: URL) throws -> Set<String> {
            let file = try SafetensorsFile(contentsOf: url.appending(path: "adapter_model.safetensors"))
            return Set(file.names.filter { !$0.contains("pooler") })
        }
        #expect(try names(written.url) == names(fixture.folder))
    }

    @Test(arguments: ownFolders)
    func aFolderOfGraftsIsWhatPEFTOpens(folder: String) throws {
        let fixture = try UnfreezingFixture(folder)
        let encoder = fixture.encoder
        let hidden = encoder.forward(
            fixture.batch, adapters: fixture.bundle.adapters, Pass(parameters: fixture.bundle.parameters)
        ).hidden
        #expect(Closeness.differenceOfLargest(hidden.values, try fixture.floats("last")) < 1e-5)

        let last = encoder.config.distinctLayers - 1
        let hasLoRA = folder.hasSuffix("under")
        let unfreezing =
            switch folder.split(separator: "/").last {
            case "alone": Unfreezing(layers: [last], embeddings: folder.hasPrefix("t5"), norms: true)
            case "under": Unfreezing(layers: [last])
            default: Unfreezing(biases: true)
            }
        let recipe = hasLoRA ? AdapterRecipe(rank: 2) : nil
        let lora = try recipe?.fresh(for: encoder, seed: 0).adapters ?? .none
        let adapters = try unfreezing.deltas(for: encoder, over: lora)
        #expect(adapters.parameters == fixture.bundle.adapters.parameters)
        let bundle = AdapterBundle(
            recipe, trained: fixture.bundle.parameters, adapters, on: encoder,
            baseModel: fixture.bundle.configuration.baseModel)
        #expect(bundle.configuration == fixture.bundle.configuration)
        let written = try TemporaryFolder()
        try bundle.write(into: written.url)
        let name = "adapter_model.safetensors"
        let (own, expected) = (
            try SafetensorsFile(contentsOf: written.appending(name)),
            try SafetensorsFile(contentsOf: fixture.folder.appending(path: name))
        )
        #expect(Set(own.names) == Set(expected.names))
        for name in own.names {
            let (found, expected) = (try own.tensor(named: name), try expected.tensor(named: name))
            #expect(found.shape == expected.shape)
            #expect(Closeness.largestDifference(try found.floats(), try expected.floats()) < 1e-6, "\(name)")
        }
    }

    @Test(arguments: folders)
    func mergedIsAdapted(folder: String) throws {
        let fixture = try UnfreezingFixture(folder)
        let merged = try fixture.encoder.merging(fixture.bundle.adapters, fixture.bundle.parameters)
        let plain = merged.forward(fixture.batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(Closeness.differenceOfLargest(plain.values, try fixture.floats("last")) < 1e-5, "\(folder)")
    }
}
