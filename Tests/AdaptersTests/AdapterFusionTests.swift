import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// AdapterFusion over trained bottlenecks, which stay as they are.
@Suite struct AdapterFusionTests {
    static let folders = ["bert.fusion", "distilbert.fusion", "t5.fusion"]

    @Test(arguments: folders)
    func aFusionOfTheLibraryComputesAndLearnsAsThere(name: String) throws {
        let fixture = try AdapterHubFixture(name)
        let bundle = try fixture.bundle()
        let (hidden, gradients, dx) = try fixture.run(bundle, demand: .parametersAndInput)
        #expect(Closeness.differenceOfLargest(hidden.values, try fixture.golden.floats("last")) < 1e-5)
        #expect(Closeness.relativeError(dx.values, try fixture.golden.floats("dx")) < 1e-5)
        let expected = try fixture.goldenGradients(of: bundle, in: "model_adapter_fusion.safetensors")
        #expect(expected.count == bundle.adapters.parameters.count)
        // A shift of all scores of a token alike changes nothing.
        for (name, parameter, gradient) in expected where !name.hasSuffix("key.bias") {
            #expect(Closeness.relativeError(gradients[parameter].values, gradient) < 1e-5, "\(name)")
        }
    }

    @Test(arguments: folders)
    func aFolderWrittenAgainIsTheSameFusion(name: String) throws {
        let fixture = try AdapterHubFixture(name)
        let bundle = try fixture.bundle()
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let again = try AdapterBundle(contentsOf: folder.url, for: fixture.encoder)
        let hidden = { (bundle: AdapterBundle) in
            fixture.encoder.forward(
                fixture.batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters)
            ).hidden.values
        }
        #expect(hidden(again) == hidden(bundle))
        for path in ["news/adapter.safetensors", "films/adapter_config.json", "adapter_fusion_config.json"] {
            #expect(FileManager.default.fileExists(atPath: folder.appending(path).path(percentEncoded: false)))
        }
    }

    @Test func aFreshFusionStandsOnTheAdaptersOfFolders() throws {
        let fixture = try AdapterHubFixture("bert.fusion")
        let paths = ["news", "films"].map { fixture.folder.appending(path: $0).path(percentEncoded: false) }
        let recipe = AdapterRecipe(
            try FusionMethod(MethodSettings(["adapters": .list(paths.map { .text($0) })])))
        let (adapters, values) = try recipe.fresh(for: fixture.encoder, seed: 3)
        #expect(adapters.blocks.count == 3)
        let parameters = adapters.parameters
        #expect(parameters.count == 3 * 5 && parameters.allSatisfy { $0.name.contains("fusion") })
        let value = try #require(parameters.first { $0.name.hasSuffix("value.weight") })
        #expect(values[value][0, 0] == 1 && values[value][0, 1] == 1e-6)
    }

    @Test func adaptersThatCannotBeFusedAreRefusedByName() throws {
        let fixture = try AdapterHubFixture("bert.fusion")
        func fresh(_ folders: [URL]) throws {
            let method = FusionMethod(of: folders.map { $0.path(percentEncoded: false) })
            _ = try AdapterRecipe(method).fresh(for: fixture.encoder, seed: 1)
        }
        let news = fixture.folder.appending(path: "news")
        for other in ["bert.loreft", "bert.parallel", "bert.houlsby"] {
            #expect(throws: AdapterError.self, "\(other)") { try fresh([news, Fixtures.url("adapterhub/\(other)")]) }
        }
        #expect(throws: AdapterError.self, "the same twice") { try fresh([news, news]) }
    }

    @Test func aFusionWithoutItsAdaptersIsRefused() throws {
        let fixture = try AdapterHubFixture("bert.fusion")
        let folder = try TemporaryFolder()
        for name in ["adapter_fusion_config.json", "model_adapter_fusion.safetensors"] {
            try FileManager.default.copyItem(at: fixture.folder.appending(path: name), to: folder.appending(name))
        }
        let error = try #require(throws: AdapterError.self) {
            try AdapterBundle(contentsOf: folder.url, for: fixture.encoder)
        }
        guard case .missingFusedAdapter("news", _) = error else {
            Issue.record("\(error)")
            return
        }
    }
}
