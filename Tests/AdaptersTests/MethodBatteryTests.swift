import Adapters
import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Properties that every method has, on every family of encoders and in every precision. ``MethodFilesBatteryTests`` has those of
/// its files.
@Suite struct MethodBatteryTests {
    @Test func onBERTNoMethodIsRefused() throws {
        let encoder = try FamilyFixture("bert").encoder()
        let onBERT = Self.subjectsAndVariants.filter { $0.family == "bert" }
        for subject in onBERT { #expect(try subject.fresh(encoder) != nil, "\(subject.name)") }
        #expect(onBERT.count == AdapterMethods.all.count + 8)
    }

    @Test(arguments: subjectsAndVariants, [Precision.float32, .bfloat16, .int8])
    func aFreshAdapterChangesNothingAndATrainedOneDoes(subject: Subject, precision: Precision) throws {
        let fixture = try subject.fixture()
        let encoder = try fixture.encoder(precision)
        guard let fresh = try subject.fresh(encoder), let trained = try subject.trained(encoder) else { return }
        let batch = fixture.batch
        let (base, bits) = (encoder.states(batch), encoder.frozenBits)
        if !Self.changesFromTheStart.contains(subject.method) {
            #expect(encoder.states(batch, fresh.adapters, fresh.parameters) == base)
        }
        #expect(encoder.states(batch, trained.adapters, trained.parameters) != base)
        #expect(encoder.states(batch) == base && encoder.frozenBits == bits, "the base keeps its bytes")
    }

    @Test(arguments: subjectsAndVariants, [Precision.float32, .bfloat16, .int8])
    func aTextIsTheSameInWhateverBatch(subject: Subject, precision: Precision) throws {
        let fixture = try subject.fixture()
        let encoder = try fixture.encoder(precision)
        guard let trained = try subject.trained(encoder) else { return }
        let batch = fixture.batch
        let together = encoder.states(batch, trained.adapters, trained.parameters)
        for text in batch.sequences.prefix(3) {
            var alone = PackedBatch()
            alone.append(tokens: Array(batch.tokens[text]), segments: Array(batch.segments[text]))
            let states = encoder.states(alone, trained.adapters, trained.parameters)
            let rows = text.flatMap { together.row($0) }
            #expect(states.values == rows, "a text of \(text.count) tokens")
        }
    }

    @Test(arguments: subjectsAndVariants)
    func mergedIsAdaptedOrRefused(subject: Subject) throws {
        let fixture = try subject.fixture()
        let encoder = try fixture.encoder()
        guard let trained = try subject.trained(encoder) else { return }
        let adapters = trained.adapters
        let batch = fixture.batch
        let adapted = encoder.states(batch, adapters, trained.parameters)
        let bits = encoder.frozenBits
        let merged = Result { () throws(AdapterError) in try encoder.merging(adapters, trained.parameters) }
        switch merged {
        case .success(let merged):
            #expect(Closeness.differenceOfLargest(merged.states(batch).values, adapted.values) < 2e-5)
        case .failure(.noBias): #expect(subject.settings["lora_bias"] != nil && !encoder.config.hasBias(.query))
        case .failure(.notMergeable):
            let isMergeable = adapters.linear.values.allSatisfy { $0 is any MergeableAdapter }
            #expect(!isMergeable || adapters.linear.isEmpty)
        case .failure(let error): throw error
        }
        #expect(encoder.frozenBits == bits)
    }

    /// The best adapter of all ranks for what one adapter changes does the same.
    @Test(arguments: subjectsAndVariants)
    func combinedByItselfAtFullEnergyItDoesTheSameOrIsRefused(subject: Subject) throws {
        let fixture = try subject.fixture()
        let encoder = try fixture.encoder()
        guard let bundle = try subject.bundle(encoder) else { return }
        let part = Combining.Part("own", bundle, weight: 1)
        let whole = Result { () throws(CombiningError) in try Combining(.svd, energy: 1).combine([part], on: encoder) }
        switch whole {
        case .success(let whole):
            #expect(whole.meantEncoder(of: encoder) != nil, "it is made anew")
            let states = encoder.states(fixture.batch, whole.bundle.adapters, whole.bundle.parameters)
            let expected = encoder.states(fixture.batch, bundle.adapters, bundle.parameters)
            #expect(Closeness.differenceOfLargest(states.values, expected.values) < 2e-5)
        case .failure(.noChangeOfWeights):
            // What is on maps and norms alone is never refused.
            let known = Set(bundle.adapters.linear.values.flatMap(\.parameters) + bundle.adapters.deltas.values)
            #expect(!bundle.adapters.parameters.allSatisfy(known.contains))
        case .failure(let error): throw error
        }
    }

    /// The gradient along itself, against the difference that a small step in it makes.
    @Test(arguments: subjectsAndVariants)
    func theGradientIsThatOfTheForward(subject: Subject) throws {
        let fixture = try subject.fixture()
        let encoder = try fixture.encoder()
        guard let trained = try subject.trained(encoder) else { return }
        let (adapters, values) = (trained.adapters, trained.parameters)
        let (batch, dy) = (fixture.batch, try fixture.dy())
        func loss(_ values: ParameterVector) -> Double {
            zip(encoder.states(batch, adapters, values).values, dy.values)
                .reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let pass = Pass(parameters: values, demand: .parameters)
        var gradients = values.zeroed()
        _ = encoder.forward(batch, adapters: adapters, pass).pullback(dy, &gradients)
        // Along the gradient itself the loss rises fastest, so that float32's rounding shows least; DoRA's m, by itself too, would be lost
        // among the others.
        let magnitudes = adapters.linear.values.compactMap { ($0 as? DoRA)?.magnitude }
        for some in magnitudes.isEmpty ? [adapters.parameters] : [adapters.parameters, magnitudes] {
            let norm = some.flatMap { gradients[$0].values }.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(norm > 0)
            func moved(by step: Double) -> ParameterVector {
                var moved = values
                for parameter in some {
                    let numbers = zip(values[parameter].values, gradients[parameter].values)
                    moved[parameter] = Matrix(
                        rows: parameter.rows, columns: parameter.columns,
                        values: numbers.map { $0 + Float(step * Double($1) / norm) })
                }
                return holdingLengths(moved, as: values, adapters, on: encoder)
            }
            let step = 2e-3
            let measured = (loss(moved(by: step)) - loss(moved(by: -step))) / (2 * step)
            #expect(abs(measured - norm) < 0.02 * norm, "measured \(measured), computed \(norm)")
        }
    }

    /// DoRA's lengths are constants in its backward. A forward that has the lengths of `former` is one whose m is multiplied by
    /// what the lengths have changed by.
    private func holdingLengths(
        _ values: ParameterVector, as former: ParameterVector, _ adapters: AdapterSet, on encoder: TransformerEncoder
    ) -> ParameterVector {
        var held = values
        for (site, adapter) in adapters.linear {
            guard let dora = adapter as? DoRA else { continue }
            func lengths(_ values: ParameterVector) -> [Float] {
                var values = values
                dora.setMagnitude(in: &values, on: encoder[site])
                return values[dora.magnitude].values
            }
            let factors = zip(lengths(values), lengths(former)).map { $0 / $1 }
            held[dora.magnitude] = Matrix(
                rows: 1, columns: factors.count, values: zip(values[dora.magnitude].values, factors).map { $0 * $1 })
        }
        return held
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
}
