import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// Folders of AdapterHub's library: what they compute, how they learn, and that ours are called the same.
@Suite struct AdapterHubGoldenTests {
    /// "bert.houlsby" and so on.
    static let folders: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: Fixtures.url("adapterhub").path(percentEncoded: false))
        return (names ?? []).filter { $0.contains(".") && !$0.hasSuffix(".json") && !$0.hasSuffix(".fusion") }.sorted()
    }()

    @Test func thereAreFolders() { #expect(AdapterHubGoldenTests.folders.count > 20) }

    @Test(arguments: folders)
    func aFolderOfTheLibraryComputesAndLearnsAsThere(name: String) throws {
        let fixture = try AdapterHubFixture(name)
        let bundle = try fixture.bundle()
        let (hidden, gradients, dx) = try fixture.run(bundle, demand: .parametersAndInput)
        #expect(Closeness.differenceOfLargest(hidden.values, try fixture.golden.floats("last")) < 1e-5)
        #expect(Closeness.relativeError(dx.values, try fixture.golden.floats("dx")) < 1e-5)
        try expectGradients(fixture, bundle, gradients)

        // The same where nobody reads the gradient at the embeddings.
        try expectGradients(fixture, bundle, try fixture.run(bundle, demand: .parameters).gradients)
    }

    private func expectGradients(
        _ fixture: AdapterHubFixture, _ bundle: AdapterBundle, _ gradients: Gradients
    ) throws {
        let expected = try fixture.goldenGradients(of: bundle, in: "adapter.safetensors")
        #expect(expected.count == bundle.adapters.parameters.count)
        for (name, parameter, gradient) in expected {
            #expect(Closeness.relativeError(gradients[parameter].values, gradient) < 1e-5, "\(name)")
        }
    }

    @Test(arguments: folders)
    func aFolderWrittenAgainHasTheLibrarysTensorsAndFields(name: String) throws {
        let fixture = try AdapterHubFixture(name)
        let bundle = try fixture.bundle()
        let folder = try TemporaryFolder()
        try bundle.write(into: folder.url)
        let again = try AdapterBundle(contentsOf: folder.url, for: fixture.encoder)
        #expect(again.configuration == bundle.configuration)
        #expect(again.parameters.values == bundle.parameters.values)

        let original = try SafetensorsFile(contentsOf: fixture.folder.appending(path: "adapter.safetensors"))
        let written = try SafetensorsFile(contentsOf: folder.appending("adapter.safetensors"))
        let prefix = fixture.encoder.config.names.taskPrefix
        for name in written.names {
            let own = original.names.contains(name) ? name : String(name.dropFirst(prefix.count))
            #expect(try written.tensor(named: name).shape == original.tensor(named: own).shape, "\(name)")
            #expect(try written.tensor(named: name).floats() == original.tensor(named: own).floats(), "\(name)")
        }
        // What the library keeps for tokens that nobody takes is left out.
        let missing = original.names.filter { !written.names.contains($0) && !written.names.contains(prefix + $0) }
        #expect(missing.allSatisfy { $0.contains(".units.") }, "\(missing)")

        let fields = try AdapterHubFixture.configuration(of: folder.url)
        for (key, value) in try AdapterHubFixture.configuration(of: fixture.folder) {
            #expect((fields[key] as? NSObject) == (value as? NSObject), "\(key)")
        }
    }

    @Test(arguments: folders)
    func aTextHasTheSameBitsInWhateverBatchItIs(name: String) throws {
        let fixture = try AdapterHubFixture(name)
        let bundle = try fixture.bundle()
        let pass = Pass(parameters: bundle.parameters)
        let together = fixture.encoder.forward(fixture.batch, adapters: bundle.adapters, pass).hidden
        for range in fixture.batch.sequences {
            var alone = PackedBatch()
            alone.append(tokens: Array(fixture.batch.tokens[range]), segments: Array(fixture.batch.segments[range]))
            let hidden = fixture.encoder.forward(alone, adapters: bundle.adapters, pass).hidden
            #expect(hidden.values == range.flatMap { together.row($0) })
        }
    }

    @Test(arguments: folders)
    func theyAreNoChangeOfAWeight(name: String) throws {
        let fixture = try AdapterHubFixture(name)
        let bundle = try fixture.bundle()
        #expect(throws: AdapterError.self) { try fixture.encoder.merging(bundle.adapters, bundle.parameters) }
    }
}
