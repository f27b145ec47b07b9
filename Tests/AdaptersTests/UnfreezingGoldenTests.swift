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
    static let folders = ["modules", "biases"].flatMap { kind in
        ((try? FileManager.default.contentsOfDirectory(atPath: Fixtures.url("unfreezing").path)) ?? []).sorted()
            .map { "\($0)/\(kind)" }
            .filter { FileManager.default.fileExists(atPath: Fixtures.url("unfreezing/\($0)").path) }
    }

    @Test func thereAreFixturesOfBothKinds() {
        #expect(Self.folders.filter { $0.hasSuffix("modules") }.count == 8)
        #expect(Self.folders.filter { $0.hasSuffix("biases") }.count == 4)
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

    @Test(arguments: folders)
    func mergedIsAdapted(folder: String) throws {
        let fixture = try UnfreezingFixture(folder)
        let merged = try fixture.encoder.merging(fixture.bundle.adapters, fixture.bundle.parameters)
        let plain = merged.forward(fixture.batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(Closeness.differenceOfLargest(plain.values, try fixture.floats("last")) < 1e-5, "\(folder)")
    }
}
