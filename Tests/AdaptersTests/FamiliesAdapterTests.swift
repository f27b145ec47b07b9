import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// PEFT's adapter folders on every family: what they compute, how they learn, and that ours are called the same.
@Suite struct FamiliesAdapterTests {
    @Test(arguments: FamilyFixture.names, FamilyFixture.adapters)
    func aFolderOfPEFTComputesAndLearnsAsInPEFT(family: String, adapter: String) throws {
        let fixture = try FamilyFixture(family)
        let encoder = try fixture.encoder()
        let bundle = try AdapterBundle(contentsOf: fixture.folder.appending(path: adapter), for: encoder)
        let (hidden, pullback) = encoder.forward(
            fixture.batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters, demand: .parameters))
        #expect(try fixture.difference(hidden, from: "\(adapter).last") < 1e-5, "\(adapter) on \(family)")

        var gradients = bundle.parameters.zeroed()
        _ = pullback(try fixture.dy(), &gradients)
        let file = try weights(of: fixture.folder.appending(path: adapter))
        #expect(file.names.count == bundle.adapters.parameters.count)
        for name in file.names {
            // Every tensor is random, so the parameter that holds its numbers is the tensor's.
            let values = try file.tensor(named: name).floats()
            let parameter = try #require(bundle.adapters.parameters.first { bundle.parameters[$0].values == values })
            let expected = try fixture.golden.floats("\(adapter).gradient.\(name)")
            let error = Closeness.relativeError(gradients[parameter].values, expected)
            #expect(error < 1e-5, "\(name) of \(adapter) on \(family)")
        }
    }

    @Test(arguments: FamilyFixture.names, FamilyFixture.adapters)
    func aFolderWrittenAgainHasPEFTsTensors(family: String, adapter: String) throws {
        let fixture = try FamilyFixture(family)
        let source = fixture.folder.appending(path: adapter)
        let folder = try TemporaryFolder()
        try AdapterBundle(contentsOf: source, for: fixture.encoder()).write(into: folder.url)
        let (original, written) = (try weights(of: source), try weights(of: folder.url))
        #expect(Set(written.names) == Set(original.names))
        for name in original.names {
            #expect(try written.tensor(named: name).shape == original.tensor(named: name).shape, "\(name)")
            #expect(try written.tensor(named: name).floats() == original.tensor(named: name).floats(), "\(name)")
        }
    }

    @Test(arguments: FamilyFixture.names, FamilyFixture.adapters)
    func mergedIsAdapted(family: String, adapter: String) throws {
        let fixture = try FamilyFixture(family)
        let encoder = try fixture.encoder()
        let bundle = try AdapterBundle(contentsOf: fixture.folder.appending(path: adapter), for: encoder)
        let merged = try encoder.merging(bundle.adapters, bundle.parameters)
        let plain = merged.forward(fixture.batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(try fixture.difference(plain, from: "\(adapter).last") < 1e-5, "\(adapter) on \(family)")
    }

    @Test(arguments: FamilyFixture.names)
    func withoutASayAdaptersGoWhereTheyAreUsual(family: String) throws {
        let fixture = try FamilyFixture(family)
        let encoder = try fixture.encoder()
        let bundle = try AdapterBundle(contentsOf: fixture.folder.appending(path: "lora-default"), for: encoder)
        let fresh = try randomBundle(AdapterRecipe(), encoder)
        #expect(fresh.adapters.sites == bundle.adapters.sites)
        #expect(fresh.configuration.targets == bundle.configuration.targets)
    }

    @Test(arguments: FamilyFixture.tasks.filter { $0 != "t5-task" })
    func anAdapterTrainedOnATaskModelActsOnTheEncoder(task: String) throws {
        let fixture = try FamilyFixture(task)
        let encoder = try fixture.encoder()
        let bundle = try AdapterBundle(contentsOf: fixture.folder.appending(path: "lora"), for: encoder)
        let pass = Pass(parameters: bundle.parameters)
        let hidden = encoder.forward(fixture.batch, adapters: bundle.adapters, pass).hidden
        let expected = try fixture.golden.floats("lora.last")
        #expect(Closeness.differenceOfLargest(hidden.values, expected) < 1e-5, "\(task)")
        #expect(bundle.taskHead?.tensors.isEmpty == false, "the task model's head is kept apart")
    }

    private func weights(of folder: URL) throws -> SafetensorsFile {
        try SafetensorsFile(contentsOf: folder.appending(path: "adapter_model.safetensors"))
    }
}
