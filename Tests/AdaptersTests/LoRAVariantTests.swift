import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// What LoRA comes in besides its plain form, as PEFT files and computes it (`Tests/Peers/make_lora_variant_fixtures.py`).
@Suite struct LoRAVariantTests {
    /// A folder of PEFT's on one of the families' encoders, with what PEFT computes.
    struct Variant: CustomTestStringConvertible {
        let family, name: String

        var folder: URL { Fixtures.url("lora-variants/\(family)/\(name)") }
        var testDescription: String { "\(name) on \(family)" }

        func golden() throws -> GoldenFile { try GoldenFile("lora-variants/\(family)/\(name)/golden.safetensors") }

        func encoder(_ precision: Precision = .float32) throws -> TransformerEncoder {
            try FamilyFixture(family).encoder(precision)
        }

        static let all: [Variant] = names(in: "").flatMap { family in
            names(in: family).map { Variant(family: family, name: $0) }
        }

        private static func names(in folder: String) -> [String] {
            let url = Fixtures.url("lora-variants/\(folder)")
            let names = try? FileManager.default.contentsOfDirectory(atPath: url.path(percentEncoded: false))
            return (names ?? []).filter { !$0.hasSuffix(".json") }.sorted()
        }
    }

    private func weights(of folder: URL) throws -> SafetensorsFile {
        try SafetensorsFile(contentsOf: folder.appending(path: "adapter_model.safetensors"))
    }

    @Test func thereAreFixtures() { #expect(Variant.all.count > 20) }

    @Test(arguments: Variant.all)
    func aFolderOfPEFTComputesAndLearnsAsInPEFT(variant: Variant) throws {
        let (golden, encoder) = (try variant.golden(), try variant.encoder())
        let bundle = try AdapterBundle(contentsOf: variant.folder, for: encoder)
        let pass = Pass(parameters: bundle.parameters, demand: .parametersAndInput)
        let (hidden, pullback) = encoder.forward(try golden.batch(), adapters: bundle.adapters, pass)
        #expect(Closeness.differenceOfLargest(hidden.values, try golden.floats("last")) < 1e-5)

        var gradients = bundle.parameters.zeroed()
        let dx = pullback(try golden.dy(), &gradients)
        #expect(Closeness.relativeError(dx.values, try golden.floats("dx")) < 1e-5)
        // Written again, each parameter is under the name that its gradient has.
        let names = try parameters(of: bundle)
        let expected = golden.names.filter { $0.hasPrefix("gradient.") }
        #expect(!expected.isEmpty)
        for name in expected {
            let tensor = String(name.dropFirst("gradient.".count))
            guard let parameter = names[tensor] else {
                #expect(tensor.contains("pooler"), "\(tensor) trains in PEFT and is nowhere here")
                continue
            }
            let numbers = try golden.floats(name)
            // What nothing depends on has rounding for a gradient.
            guard numbers.contains(where: { abs($0) > 1e-3 }) else { continue }
            #expect(Closeness.relativeError(gradients[parameter].values, numbers) < 1e-5, "\(tensor)")
        }
    }

    /// The parameter that each tensor of a bundle's file holds.
    private func parameters(of bundle: AdapterBundle) throws -> [String: Parameter] {
        var numbered = bundle.parameters
        for (index, parameter) in bundle.adapters.parameters.enumerated() {
            numbered[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: [Float](repeating: Float(index + 1), count: parameter.count))
        }
        let folder = try TemporaryFolder()
        try bundle.holding(bundle.adapters, numbered).write(into: folder.url)
        let file = try weights(of: folder.url)
        var found: [String: Parameter] = [:]
        for name in file.names where !name.hasSuffix(".bias") || name.contains("lora_B.bias") {
            guard let first = try file.tensor(named: name).floats().first else { continue }
            found[name] = bundle.adapters.parameters[Int(first) - 1]
        }
        // Biases are written whole, their changes added to the base's.
        for (tensor, parameter) in bundle.adapters.deltas {
            for isUnderAdapter in [false, true] {
                found[bundle.names.base(tensor, isUnderAdapter: isUnderAdapter)] = parameter
            }
        }
        return found
    }

    @Test(arguments: Variant.all)
    func aFolderWrittenAgainHasPEFTsTensors(variant: Variant) throws {
        let folder = try TemporaryFolder()
        let encoder = try variant.encoder()
        let bundle = try AdapterBundle(contentsOf: variant.folder, for: encoder)
        try bundle.write(into: folder.url)
        let (original, written) = (try weights(of: variant.folder), try weights(of: folder.url))
        let left = Set(original.names).subtracting(written.names)
        #expect(Set(written.names).isSubset(of: original.names))
        #expect(left.allSatisfy { $0.contains("pooler") || $0.contains("base_layer.weight") }, "\(left)")
        for name in written.names {
            let (found, expected) = (try written.tensor(named: name), try original.tensor(named: name))
            #expect(found.shape == expected.shape, "\(name)")
            #expect(try Closeness.largestDifference(found.floats(), expected.floats()) < 1e-6, "\(name)")
        }
        let again = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(again.configuration == bundle.configuration)
        #expect(again.parameters.values == bundle.parameters.values)
    }

    @Test(arguments: Variant.all)
    func mergedIsAdapted(variant: Variant) throws {
        let (golden, encoder) = (try variant.golden(), try variant.encoder())
        let bundle = try AdapterBundle(contentsOf: variant.folder, for: encoder)
        // A map without a bias has no place for one.
        if !encoder.config.hasBias(.output), variant.name == "lora-bias" {
            let error = #expect(throws: AdapterError.self) {
                try encoder.merging(bundle.adapters, bundle.parameters)
            }
            guard case .noBias = error else { Issue.record("\(String(describing: error))"); return }
            return
        }
        let merged = try encoder.merging(bundle.adapters, bundle.parameters)
        let plain = merged.forward(try golden.batch(), adapters: .none, Pass(parameters: ParameterVector([]))).hidden
        #expect(Closeness.differenceOfLargest(plain.values, try golden.floats("last")) < 1e-5)
    }

    @Test(arguments: Variant.all, [Precision.bfloat16, .int8])
    func belowFloat32ItComputesNearlyTheSame(variant: Variant, precision: Precision) throws {
        let (golden, encoder) = (try variant.golden(), try variant.encoder(precision))
        let bundle = try AdapterBundle(contentsOf: variant.folder, for: encoder)
        let batch = try golden.batch()
        let hidden = encoder.forward(batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters)).hidden
        #expect(Closeness.relativeError(hidden.values, try golden.floats("last")) < 0.1)
    }

    @Test(arguments: Variant.all)
    func aTextHasTheSameBitsInWhateverBatchItIs(variant: Variant) throws {
        let (golden, encoder) = (try variant.golden(), try variant.encoder())
        let bundle = try AdapterBundle(contentsOf: variant.folder, for: encoder)
        let pass = Pass(parameters: bundle.parameters)
        let batch = try golden.batch()
        let together = encoder.forward(batch, adapters: bundle.adapters, pass).hidden
        for range in batch.sequences {
            var alone = PackedBatch()
            alone.append(tokens: Array(batch.tokens[range]), segments: Array(batch.segments[range]))
            let hidden = encoder.forward(alone, adapters: bundle.adapters, pass).hidden
            #expect(hidden.values == range.flatMap { together.row($0) })
        }
    }
}
