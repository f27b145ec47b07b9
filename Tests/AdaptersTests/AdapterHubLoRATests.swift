import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import TestSupport
import Testing

/// LoRA, DoRA and (IA)³ of AdapterHub's library, which files them all as LoRA: what they compute, and as PEFT files them.
@Suite struct AdapterHubLoRATests {
    /// A folder of the library's on a tiny encoder, and what the library computes with it
    /// (`Tests/Peers/make_adapterhub_lora_fixtures.py`).
    private struct Subject {
        let folder: URL
        let encoder: TransformerEncoder
        let golden: GoldenFile
        let batch: PackedBatch

        init(_ name: String) throws {
            folder = Fixtures.url("adapterhub-lora/\(name)")
            encoder = try TransformerEncoder(contentsOf: Fixtures.url("families/\(name.prefix { $0 != "." })"))
            golden = try GoldenFile("adapterhub-lora/\(name)/golden.safetensors")
            batch = try golden.batch()
        }

        func states(_ bundle: AdapterBundle) -> Matrix {
            encoder.forward(batch, adapters: bundle.adapters, Pass(parameters: bundle.parameters)).hidden
        }
    }

    static let folders: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: Fixtures.url("adapterhub-lora").path(percentEncoded: false))
        return (names ?? []).filter { !$0.hasSuffix(".json") }.sorted()
    }()

    @Test func thereAreFolders() { #expect(AdapterHubLoRATests.folders.count == 10) }

    @Test(arguments: folders)
    func aFolderOfTheLibraryComputesWhatItDoesThere(name: String) throws {
        let subject = try Subject(name)
        let bundle = try AdapterBundle(contentsOf: subject.folder, for: subject.encoder)
        let states = subject.states(bundle)
        #expect(Closeness.differenceOfLargest(states.values, try subject.golden.floats("last")) < 1e-5)
    }

    /// To PEFT's files and back: states stay, and so do the library's tensors.
    @Test(arguments: folders)
    func aFolderGoesToPEFTAndComesBack(name: String) throws {
        let subject = try Subject(name)
        let conversion = AdapterConversion(for: subject.encoder)
        let bundle = try conversion.read(subject.folder)
        let (there, back) = (try TemporaryFolder(), try TemporaryFolder())
        #expect(try conversion.write(bundle, as: .peft, to: there.url).isExact)
        #expect(try AdapterConversion.format(of: there.url) == .peft)
        let peft = try conversion.read(there.url)
        #expect(subject.states(peft) == subject.states(bundle))
        let parity = try conversion.write(peft, as: .adapterhub, to: back.url)
        #expect(parity.largestDifference < 1e-5)
        #expect(try AdapterConversion.format(of: back.url) == .adapterhub)
        let again = try conversion.read(back.url)
        #expect(Closeness.differenceOfLargest(subject.states(again).values, subject.states(bundle).values) < 1e-5)
        let (old, new) = (
            try SafetensorsFile(contentsOf: subject.folder.appending(path: "adapter.safetensors")),
            try SafetensorsFile(contentsOf: back.appending("adapter.safetensors"))
        )
        // The library's bare model has no prefix, and here the adapter has the usual name.
        let prefix = subject.encoder.config.names.taskPrefix
        func own(_ name: String) -> String {
            (name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name).replacing(".sst.", with: ".graft.")
        }
        #expect(Set(old.names.map(own)) == Set(new.names.map(own)))
        for tensor in old.names {
            let other = try #require(new.names.first { own($0) == own(tensor) })
            #expect(try old.tensor(named: tensor).shape == new.tensor(named: other).shape, "\(tensor)")
        }
    }

    private func random(_ recipe: AdapterRecipe, _ encoder: TransformerEncoder) throws -> AdapterBundle {
        var (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 2, name: parameter.name)
            let moved = values[parameter].values.map { $0 + 0.2 * random.normal() }
            values[parameter] = Matrix(rows: parameter.rows, columns: parameter.columns, values: moved)
        }
        return AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny")
    }

    @Test func doraOfPEFTHasNoLikeWhereMapsHaveABias() throws {
        let encoder = try TinyEncoder.load()
        var method = LoRAMethod(rank: 2, alpha: 6)
        method.trainsLengths = true
        let bundle = try random(AdapterRecipe(method), encoder)
        let folder = try TemporaryFolder()
        let error = #expect(throws: AdapterConversionError.self) {
            try AdapterConversion(for: encoder).write(bundle, as: .adapterhub, to: folder.appending("hub"))
        }
        #expect(error.map { "\($0)".contains("multiplies the bias of layer.0.query by DoRA's gains") } ?? false)
    }

    @Test func doraOfPEFTGoesToTheLibraryWhereMapsHaveNone() throws {
        let encoder = try FamilyFixture("t5").encoder()
        var method = LoRAMethod(rank: 2, alpha: 6)
        method.trainsLengths = true
        let bundle = try random(AdapterRecipe(method, projections: [.query, .intermediate]), encoder)
        let folder = try TemporaryFolder()
        let parity = try AdapterConversion(for: encoder).write(bundle, as: .adapterhub, to: folder.url)
        #expect(parity.largestDifference < 1e-6)
        let fields = try AdapterHubFixture.configuration(of: folder.url)
        // The scale is in B: the library's lengths know of none.
        #expect(fields["use_dora"] as? Bool == true && fields["r"] as? Int == 2 && fields["alpha"] as? Int == 2)
    }

    @Test func factorsOfInputsHaveNoPlaceInTheLibrary() throws {
        let encoder = try TinyEncoder.load()
        let conversion = AdapterConversion(for: encoder)
        let folder = try TemporaryFolder()
        let usual = try random(AdapterRecipe(IA3Method()), encoder)
        let error = #expect(throws: AdapterConversionError.self) {
            try conversion.write(usual, as: .adapterhub, to: folder.appending("hub"))
        }
        #expect(error.map { "\($0)".contains("are of its inputs") || "\($0)".contains("no LoRA on") } ?? false)
        let outputs = try random(AdapterRecipe(IA3Method(), projections: [.key, .value, .intermediate]), encoder)
        #expect(try conversion.write(outputs, as: .adapterhub, to: folder.appending("hub")).isExact)
    }

    @Test(
        arguments: [("r", 2), ("use_dora", true), ("dropout", 0.1), ("composition_mode", "concatenate")]
            as [(String, any Sendable)])
    func whatTheLibraryCouldNotMeanIsRefusedByName(field: String, value: any Sendable) throws {
        let subject = try Subject("bert.ia3")
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            at: subject.folder.appending(path: "adapter.safetensors"), to: folder.appending("adapter.safetensors"))
        let data = try Data(contentsOf: subject.folder.appending(path: "adapter_config.json"))
        var fields = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
        var own = fields["config"] as? [String: Any] ?? [:]
        own[field] = value
        fields["config"] = own
        try JSONSerialization.data(withJSONObject: fields).write(to: folder.appending("adapter_config.json"))
        let error = #expect(throws: AdapterError.self) {
            try AdapterBundle(contentsOf: folder.url, for: subject.encoder)
        }
        #expect(error.map { "\($0)".contains(field) } ?? false, "\(String(describing: error))")
    }
}
