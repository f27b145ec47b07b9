import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// Folders of every method that PEFT wrote (`Tests/Peers/make_method_fixtures.py`): hidden states and gradients in float32 against
/// PEFT in float64, and the way back into a folder.
@Suite struct MethodGoldenTests {
    @Test func thereAreFixturesOfEveryMethodThatPEFTHas() throws {
        #expect(MethodFixture.names.count == 67)
        let types = try MethodFixture.names.map { try peftType(of: Fixtures.url("methods/\($0)")) }
        // LoRA, AdaLoRA and BitFit, which is filed as LoRA, have fixtures of their own; AdapterHub's methods have no type of PEFT's.
        let elsewhere = ["lora", "adalora", "bitfit"]
        let methods = AdapterMethods.all.filter { !elsewhere.contains($0.name) && !($0 is any AdapterHubMethod.Type) }
        let expected = Set(methods.map { $0.peftType })
        #expect(expected.count == 10 && expected.isSubset(of: types))
    }

    @Test(arguments: MethodFixture.names)
    func aFolderOfPEFTComputesAndLearnsAsInPEFT(name: String) throws {
        let fixture = try MethodFixture(name)
        let (hidden, gradients, dx) = try fixture.run()
        #expect(Closeness.differenceOfLargest(hidden.values, try fixture.floats("last")) < 1e-5, "\(name)")
        #expect(Closeness.relativeError(dx.values, try fixture.floats("input")) < 1e-5, "input of \(name)")
        let named = fixture.named(gradients)
        #expect(named.count == fixture.gradientCount)
        for (tensor, gradient) in named {
            let error = Closeness.relativeError(gradient, try fixture.floats("gradient.\(tensor)"))
            #expect(error < 1e-5, "\(tensor) of \(name)")
        }
    }

    @Test(arguments: MethodFixture.names)
    func aFolderWrittenAgainComputesTheSameBytes(name: String) throws {
        let fixture = try MethodFixture(name)
        let written = try TemporaryFolder()
        try fixture.bundle.write(into: written.url)
        let read = try AdapterBundle(contentsOf: written.url, for: fixture.encoder)
        #expect(read.adapters.parameters == fixture.bundle.adapters.parameters)
        let hidden = { (bundle: AdapterBundle) in
            let pass = Pass(parameters: bundle.parameters)
            return fixture.encoder.forward(fixture.batch, adapters: bundle.adapters, pass).hidden
        }
        #expect(hidden(read) == hidden(fixture.bundle))
        let (own, peft) = (try weights(of: written.url), try weights(of: fixture.folder))
        #expect(Set(own.names) == Set(peft.names.filter { !$0.contains("pooler") }))
        for tensor in own.names {
            let (found, expected) = (try own.tensor(named: tensor), try peft.tensor(named: tensor))
            #expect(found.shape == expected.shape, "\(tensor) of \(name)")
            // What is constrained is brought back into its ball once more.
            let tolerance: Float = name.hasSuffix("constrained") ? 1e-6 : 0
            #expect(Closeness.largestDifference(try found.floats(), try expected.floats()) <= tolerance, "\(tensor)")
        }
    }

    @Test(arguments: MethodFixture.mergeable)
    func mergedIsAdapted(name: String) throws {
        let fixture = try MethodFixture(name)
        let merged = try fixture.encoder.merging(fixture.bundle.adapters, fixture.bundle.parameters)
        let plain = merged.forward(fixture.batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(Closeness.differenceOfLargest(plain.values, try fixture.floats("last")) < 1e-5, "\(name)")
    }

    @Test(arguments: ["bert/prefix", "bert/prompt"])
    func virtualTokensAreNotMerged(name: String) throws {
        let fixture = try MethodFixture(name)
        #expect(throws: AdapterError.self) {
            try fixture.encoder.merging(fixture.bundle.adapters, fixture.bundle.parameters)
        }
    }

    /// Below float32 the base's products are rounded; what a method adds is not.
    @Test(arguments: MethodFixture.names.filter { $0.hasPrefix("bert/") }, [Precision.bfloat16, .int8])
    func roundedBasesStayNear(name: String, precision: Precision) throws {
        let fixture = try MethodFixture(name, precision)
        let (hidden, gradients, _) = try fixture.run()
        let tolerance = precision == .bfloat16 ? 0.05 : 0.12
        #expect(Closeness.relativeError(hidden.values, try fixture.floats("last")) < tolerance, "\(name)")
        for (tensor, gradient) in fixture.named(gradients) {
            let expected = try fixture.floats("gradient.\(tensor)")
            #expect(Closeness.relativeError(gradient, expected) < 3 * tolerance, "\(tensor) of \(name)")
        }
    }

    /// Whatever texts stand beside it.
    @Test(arguments: MethodFixture.names.filter { $0.hasPrefix("bert/") })
    func aTextHasTheSameBitsInAnyBatch(name: String) throws {
        let fixture = try MethodFixture(name)
        let pass = Pass(parameters: fixture.bundle.parameters)
        let together = fixture.encoder.forward(fixture.batch, adapters: fixture.bundle.adapters, pass).hidden
        for text in fixture.batch.sequences {
            var alone = PackedBatch()
            alone.append(
                tokens: Array(fixture.batch.tokens[text]), segments: Array(fixture.batch.segments[text]))
            let hidden = fixture.encoder.forward(alone, adapters: fixture.bundle.adapters, pass).hidden
            #expect(hidden == together.rows(text), "\(name)")
        }
    }

    private func weights(of folder: URL) throws -> SafetensorsFile {
        try SafetensorsFile(contentsOf: folder.appending(path: "adapter_model.safetensors"))
    }

    private func peftType(of folder: URL) throws -> String {
        let data = try Data(contentsOf: folder.appending(path: "adapter_config.json"))
        let fields = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return try #require(fields?["peft_type"] as? String)
    }
}
