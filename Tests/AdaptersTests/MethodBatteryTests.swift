import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Properties that every method has, on every family of encoders and in every precision.
@Suite struct MethodBatteryTests {
    /// A method on a family; methods that have nothing to work on in a family refuse it by name, and are left out.
    struct Subject: Sendable, CustomTestStringConvertible {
        let method: String
        let family: String

        var testDescription: String { "\(method) on \(family)" }

        func recipe() throws -> AdapterRecipe {
            let method = try #require(AdapterMethods.named(method))
            return AdapterRecipe(try method.init(MethodSettings()))
        }

        /// Adapters with their starting values; nil where the method refuses the family.
        func fresh(_ encoder: TransformerEncoder) throws -> (adapters: AdapterSet, parameters: ParameterVector)? {
            let recipe = try recipe()
            switch Result(catching: { () throws(AdapterError) in try recipe.fresh(for: encoder, seed: 5) }) {
            case .success(let fresh): return fresh
            case .failure(.notForFamily): return nil
            case .failure(let error): throw error
            }
        }

        /// Adapters as after training: every number moved.
        func trained(_ encoder: TransformerEncoder) throws -> (adapters: AdapterSet, parameters: ParameterVector)? {
            guard let (adapters, start) = try fresh(encoder) else { return nil }
            var values = start
            for parameter in adapters.parameters {
                var random = RandomStream(seed: 9, name: parameter.name)
                let moved = values[parameter].values.map { $0 + 0.05 * random.normal() }
                values[parameter] = Matrix(rows: parameter.rows, columns: parameter.columns, values: moved)
            }
            return (adapters, values)
        }
    }

    /// Methods that need no setting; fusion needs adapters to fuse.
    static let methods = AdapterMethods.all.filter { (try? $0.init(MethodSettings())) != nil }

    static let subjects = methods.flatMap { method in
        FamilyFixture.names.map { Subject(method: method.name, family: $0) }
    }

    /// Methods that change the encoder from the start: their vectors stand before a text, whatever they are; or the library
    /// that they are of draws both maps of a bottleneck.
    static let changesFromTheStart: Set<String> = [
        "prefix", "prompt", "p-tuning", "houlsby", "pfeiffer", "compacter", "compacter++", "loreft", "noreft", "direft",
    ]

    /// The texts that fit behind a method's virtual tokens, and the gradient at their hidden states.
    private func texts(
        of fixture: FamilyFixture, _ encoder: TransformerEncoder, behind adapters: AdapterSet
    ) throws -> (batch: PackedBatch, dy: Matrix) {
        let (all, dy) = (fixture.batch, try fixture.dy())
        let fitting = all.sequences.filter { $0.count <= encoder.maximumTokens(behind: adapters) }
        var batch = PackedBatch()
        for text in fitting {
            batch.append(tokens: Array(all.tokens[text]), segments: Array(all.segments[text]))
        }
        let rows = fitting.flatMap { text in text.flatMap { dy.row($0) } }
        return (batch, Matrix(rows: batch.tokens.count, columns: dy.columns, values: rows))
    }

    private func hidden(
        _ encoder: TransformerEncoder, _ batch: PackedBatch, _ adapters: AdapterSet, _ values: ParameterVector
    ) -> Matrix {
        encoder.forward(batch, adapters: adapters, Pass(parameters: values)).hidden
    }

    private func base(_ encoder: TransformerEncoder, _ batch: PackedBatch) -> Matrix {
        hidden(encoder, batch, .none, ParameterVector([]))
    }

    @Test(arguments: subjects, [Precision.float32, .bfloat16, .int8])
    func aFreshAdapterChangesNothingAndATrainedOneDoes(subject: Subject, precision: Precision) throws {
        let fixture = try FamilyFixture(subject.family)
        let encoder = try fixture.encoder(precision)
        guard let fresh = try subject.fresh(encoder), let trained = try subject.trained(encoder) else { return }
        let batch = try texts(of: fixture, encoder, behind: fresh.adapters).batch
        let base = base(encoder, batch)
        if !MethodBatteryTests.changesFromTheStart.contains(subject.method) {
            #expect(hidden(encoder, batch, fresh.adapters, fresh.parameters) == base)
        }
        #expect(hidden(encoder, batch, trained.adapters, trained.parameters) != base)
        #expect(self.base(encoder, batch) == base, "the base keeps its bytes")
    }

    @Test(arguments: subjects, [Precision.float32, .bfloat16, .int8])
    func aTextIsTheSameInWhateverBatch(subject: Subject, precision: Precision) throws {
        let fixture = try FamilyFixture(subject.family)
        let encoder = try fixture.encoder(precision)
        guard let (adapters, values) = try subject.trained(encoder) else { return }
        let batch = try texts(of: fixture, encoder, behind: adapters).batch
        let together = hidden(encoder, batch, adapters, values)
        for text in batch.sequences.prefix(3) {
            var alone = PackedBatch()
            alone.append(tokens: Array(batch.tokens[text]), segments: Array(batch.segments[text]))
            let states = hidden(encoder, alone, adapters, values)
            let rows = text.flatMap { together.row($0) }
            #expect(states.values == rows, "a text of \(text.count) tokens")
        }
    }

    @Test(arguments: subjects)
    func mergedIsAdaptedOrRefused(subject: Subject) throws {
        let fixture = try FamilyFixture(subject.family)
        let encoder = try fixture.encoder()
        guard let (adapters, values) = try subject.trained(encoder) else { return }
        let batch = try texts(of: fixture, encoder, behind: adapters).batch
        let adapted = hidden(encoder, batch, adapters, values)
        let merged = Result { () throws(AdapterError) in try encoder.merging(adapters, values) }
        switch merged {
        case .success(let merged):
            let plain = base(merged, batch)
            #expect(Closeness.differenceOfLargest(plain.values, adapted.values) < 2e-5)
        case .failure(let error):
            guard case .notMergeable = error else { throw error }
            let isMergeable = adapters.linear.values.allSatisfy { $0 is any MergeableAdapter }
            #expect(!isMergeable || adapters.linear.isEmpty)
        }
    }

    @Test(arguments: subjects)
    func whatIsWrittenIsReadAgain(subject: Subject) throws {
        let fixture = try FamilyFixture(subject.family)
        let encoder = try fixture.encoder()
        guard let (adapters, values) = try subject.trained(encoder) else { return }
        let written = AdapterBundle(
            try subject.recipe(), trained: values, adapters, on: encoder, baseModel: "tiny")
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        let batch = try texts(of: fixture, encoder, behind: adapters).batch
        #expect(read.configuration == written.configuration)
        #expect(
            hidden(encoder, batch, read.adapters, read.parameters)
                == hidden(encoder, batch, written.adapters, written.parameters))
        // And again to the same bytes.
        let second = try TemporaryFolder()
        try read.write(into: second.url)
        for name in ["adapter_config.json", AdapterBundle.weightsName(in: folder.url)] {
            let (first, again) = (
                try Data(contentsOf: folder.appending(name)), try Data(contentsOf: second.appending(name))
            )
            #expect(first == again, "\(name)")
        }
    }

    /// The gradient along a random direction, against the difference that a small step in it makes.
    @Test(arguments: subjects)
    func theGradientIsThatOfTheForward(subject: Subject) throws {
        let fixture = try FamilyFixture(subject.family)
        let encoder = try fixture.encoder()
        guard let (adapters, values) = try subject.trained(encoder) else { return }
        let (batch, dy) = try texts(of: fixture, encoder, behind: adapters)
        func loss(_ values: ParameterVector) -> Double {
            zip(hidden(encoder, batch, adapters, values).values, dy.values)
                .reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let pass = Pass(parameters: values, demand: .parameters)
        var gradients = values.zeroed()
        _ = encoder.forward(batch, adapters: adapters, pass).pullback(dy, &gradients)
        // Along the gradient itself the loss rises fastest, so that float32's rounding shows least.
        let norm = gradients.values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(norm > 0)
        func moved(by step: Double) -> ParameterVector {
            var moved = values
            for parameter in adapters.parameters {
                let numbers = zip(values[parameter].values, gradients[parameter].values)
                moved[parameter] = Matrix(
                    rows: parameter.rows, columns: parameter.columns,
                    values: numbers.map { $0 + Float(step * Double($1) / norm) })
            }
            return moved
        }
        let step = 2e-3
        let measured = (loss(moved(by: step)) - loss(moved(by: -step))) / (2 * step)
        #expect(abs(measured - norm) < 0.02 * norm, "measured \(measured), computed \(norm)")
    }

    @Test(arguments: AdapterMethods.all.map { $0.name })
    func aSettingOfAnotherKindIsRefusedByName(method: String) throws {
        let method = try #require(AdapterMethods.named(method))
        for name in method.settingNames {
            let error = #expect(throws: AdapterError.self, "\(name)") {
                try method.init(MethodSettings([name: .object(["x": .number(1)])]))
            }
            if case .invalidSetting(let named, _, _) = error { #expect(named == name) }
        }
    }

    @Test(arguments: subjects.filter { $0.family == "bert" })
    func badFilesAreRefusedByName(subject: Subject) throws {
        let fixture = try FamilyFixture(subject.family)
        let encoder = try fixture.encoder()
        guard let (adapters, values) = try subject.trained(encoder) else { return }
        let folder = try TemporaryFolder()
        let bundle = AdapterBundle(try subject.recipe(), trained: values, adapters, on: encoder, baseModel: nil)
        try bundle.write(into: folder.url)
        let config = folder.appending("adapter_config.json")
        let data = try Data(contentsOf: config)
        let original = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        var fields = original
        fields["a_field_of_the_future"] = "on"
        try JSONSerialization.data(withJSONObject: fields).write(to: config)
        let unknown = #expect(throws: AdapterError.self) {
            try AdapterBundle(contentsOf: folder.url, for: encoder)
        }
        #expect("\(try #require(unknown))".contains("a_field_of_the_future"))

        // One tensor is called otherwise: it is missing under its name.
        try JSONSerialization.data(withJSONObject: original).write(to: config)
        let weights = folder.appending(AdapterBundle.weightsName(in: folder.url))
        var bytes = try Data(contentsOf: weights)
        let name = try #require(bundleTensorName(in: bytes))
        let range = try #require(bytes.range(of: Data(name.utf8)))
        bytes.replaceSubrange(range, with: Data(String(repeating: "x", count: name.utf8.count).utf8))
        try bytes.write(to: weights)
        let missing = #expect(throws: AdapterError.self) { try AdapterBundle(contentsOf: folder.url, for: encoder) }
        let words = "\(try #require(missing))"
        #expect(words.contains(name) || words.contains("xxx"))
    }

    /// The first name of a tensor in a safetensors file, which is not that of its metadata.
    private func bundleTensorName(in bytes: Data) -> String? {
        let length = bytes.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
        let header = try? JSONSerialization.jsonObject(with: bytes.dropFirst(8).prefix(length)) as? [String: Any]
        return header?.keys.filter { $0 != "__metadata__" }.sorted().first
    }
}
