import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

extension MethodBatteryTests {
    /// A method, as it is or with settings, on a family of encoders: what the batteries run over. Methods that have nothing to
    /// work on in a family refuse it by name, and are left out.
    struct Subject: Sendable, CustomTestStringConvertible {
        let name: String
        let method: String
        let settings: [String: MethodSettings.Value]
        let family: String

        var testDescription: String { "\(name) on \(family)" }
    }

    /// Every method on every family.
    static let subjects = AdapterMethods.all.flatMap { method in
        FamilyFixture.names.map { Subject(name: method.name, method: method.name, settings: [:], family: $0) }
    }

    /// The same, and what LoRA comes in besides on some families of each kind.
    static let subjectsAndVariants =
        subjects
        + variants.flatMap { name, settings in
            ["bert", "modernbert", "t5", "albert-groups"].map {
                Subject(name: name, method: "lora", settings: settings, family: $0)
            }
        }

    private static let variants: [(name: String, settings: [String: MethodSettings.Value])] = [
        ("dora", ["dora": .flag(true)]),
        ("rslora", ["rank_stabilized": .flag(true), "rank": .number(3)]),
        ("lora-fa", ["train_a": .flag(false)]),
        ("lora with a bias", ["lora_bias": .flag(true)]),
        ("lora with biases", ["bias": .text("lora_only")]),
        ("lora with tokens", ["tokens": .list([.number(7), .number(11)])]),
        ("pissa", ["initialization": .text("pissa"), "rank": .number(4)]),
        ("olora", ["initialization": .text("olora"), "rank": .number(4)]),
    ]

    /// Methods that change the encoder from the start: their vectors stand before a text, whatever they are; or the library
    /// that they are of draws both maps of a bottleneck, as those that a fusion is of.
    static let changesFromTheStart: Set<String> = [
        "prefix", "prompt", "p-tuning", "houlsby", "pfeiffer", "compacter", "compacter++", "loreft", "noreft", "direft",
        "fusion",
    ]
}

extension MethodBatteryTests.Subject {
    /// The family's fixture with texts that fit behind virtual tokens too, on more rows than one block of them has.
    func fixture() throws -> FamilyFixture { try FamilyFixture(family, cutTo: 48) }

    /// Adapters with their starting values; nil where the method refuses the family.
    func fresh(_ encoder: TransformerEncoder) throws -> (adapters: AdapterSet, parameters: ParameterVector)? {
        try start(on: encoder).map { ($0.adapters, $0.parameters) }
    }

    /// Adapters as after training: every number moved.
    func trained(_ encoder: TransformerEncoder) throws -> (adapters: AdapterSet, parameters: ParameterVector)? {
        try start(on: encoder).map { ($0.adapters, moved($0.parameters, of: $0.adapters)) }
    }

    /// The same, to be written.
    func bundle(_ encoder: TransformerEncoder, baseModel: String? = "tiny") throws -> AdapterBundle? {
        try start(on: encoder).map { recipe, adapters, values in
            AdapterBundle(recipe, trained: moved(values, of: adapters), adapters, on: encoder, baseModel: baseModel)
        }
    }

    private func start(
        on encoder: TransformerEncoder
    ) throws -> (recipe: AdapterRecipe, adapters: AdapterSet, parameters: ParameterVector)? {
        let method = try #require(AdapterMethods.named(method))
        var settings = settings
        let folder = try TemporaryFolder()
        if name == "fusion" { settings["adapters"] = .list(try writeBottlenecks(into: folder, encoder)) }
        let recipe = AdapterRecipe(try method.init(MethodSettings(settings)))
        let fresh = Result { () throws(AdapterError) in try recipe.fresh(for: encoder, seed: 5) }
        withExtendedLifetime(folder) {}
        switch fresh {
        case .success(let fresh): return (recipe, fresh.adapters, fresh.parameters)
        case .failure(.notForFamily): return nil
        case .failure(.nothingToUnfreeze) where settings["bias"] != nil: return nil
        case .failure(let error): throw error
        }
    }

    /// Two trained bottlenecks to fuse, and where they are.
    private func writeBottlenecks(
        into folder: TemporaryFolder, _ encoder: TransformerEncoder
    ) throws -> [MethodSettings.Value] {
        try [("news", "gelu"), ("films", "relu")].map { name, activation in
            let recipe = AdapterRecipe(try PfeifferMethod(MethodSettings(["activation": .text(activation)])))
            let (adapters, start) = try recipe.fresh(for: encoder, seed: 3)
            let values = moved(start, of: adapters, name)
            let url = folder.appending(name)
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            try AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil).write(into: url)
            return .text(url.path(percentEncoded: false))
        }
    }

    private func moved(
        _ values: ParameterVector, of adapters: AdapterSet, _ name: String = ""
    ) -> ParameterVector {
        var values = values
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 9, name: name + parameter.name)
            let moved = values[parameter].values.map { $0 + 0.05 * random.normal() }
            values[parameter] = Matrix(rows: parameter.rows, columns: parameter.columns, values: moved)
        }
        return values
    }
}

extension TransformerEncoder {
    /// The hidden states of texts behind adapters.
    func states(_ batch: PackedBatch, _ adapters: AdapterSet, _ values: ParameterVector) -> Matrix {
        forward(batch, adapters: adapters, Pass(parameters: values)).hidden
    }

    /// Those of the encoder as it is.
    func states(_ batch: PackedBatch) -> Matrix { states(batch, .none, ParameterVector([])) }
}
