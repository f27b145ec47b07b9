import Encoders
import Files

/// Proves, while training goes on, that all that trains moves and that nothing frozen does.
///
/// Training that does nothing, because a rate is zero or no gradient arrives, looks like training that learns little: it is
/// found after the first steps, and not by a score.
struct TrainingGuard: Sendable {
    /// Steps after which a parameter has to have moved. In the first one LoRA's A never does: B is zero, and so is the gradient of
    /// A; and the first step of a warm-up has a rate of zero, and does not count.
    static let patience = 3

    private let encoder: TransformerEncoder
    private let bits: [FrozenBits]
    /// XXH64 of each parameter that does not train; nil for the others.
    private let frozenHashes: [UInt64?]
    /// What training began with, until all that trains has moved.
    private var start: ParameterVector?
    /// For each parameter, the steps that should have moved it, until it has been found to have moved; then nil.
    private var chances: [Int?]
    private var checksFrozen: Bool

    /// Watches a stretch of training that begins with `start`, in which some of the parameters train.
    ///
    /// - Parameter isFresh: whether it is the beginning of a stretch: what is resumed near its end, where rates are next to zero,
    ///   may move no more.
    init(_ encoder: TransformerEncoder, _ start: ParameterVector, isTrained: [Bool], isFresh: Bool) {
        precondition(isTrained.count == start.layout.parameters.count, "each parameter trains or not")
        (self.encoder, self.start) = (encoder, start)
        bits = encoder.frozenBits
        frozenHashes = zip(start.layout.parameters, isTrained).map { parameter, isTrained in
            isTrained ? nil : TrainingGuard.hash(of: parameter, start)
        }
        chances = isTrained.map { $0 && isFresh ? 0 : nil }
        checksFrozen = true
    }

    /// Whether ``check(_:)`` has anything to do after this step.
    private var isWatching: Bool { checksFrozen || chances.contains { $0 != nil } }

    /// Takes note of a step.
    ///
    /// - Parameters:
    ///   - rates: of each parameter, in this step.
    ///   - takesPart: whether a parameter is of a task of which the step had texts.
    /// - Throws: ``TrainingError`` naming what trains and has not moved, or is frozen and has.
    mutating func add(
        _ values: ParameterVector, _ optimizer: AdamW, rates: [Float], takesPart: (Int) -> Bool
    ) throws(TrainingError) {
        guard isWatching, let start else { return }
        var stuck: [TrainingError.Unmoved] = []
        for (index, parameter) in values.layout.parameters.enumerated() {
            guard let before = chances[index], rates[index] > 0, takesPart(index) else { continue }
            chances[index] = before + 1
            guard before + 1 >= TrainingGuard.patience else { continue }
            let range = values.layout.range(of: parameter)
            // Its own decay moves a parameter too; only a gradient leaves something in the moments.
            if optimizer.secondMoment.values[range].allSatisfy({ $0 == 0 }) {
                stuck.append(.init(name: parameter.name, hadGradient: false))
            } else if TrainingGuard.areEqual(values.values[range], start.values[range]) {
                stuck.append(.init(name: parameter.name, hadGradient: true))
            } else {
                chances[index] = nil
            }
        }
        guard stuck.isEmpty else { throw .unmoved(stuck, steps: optimizer.steps) }
        if chances.allSatisfy({ $0 == nil }), !checksFrozen { self.start = nil }
        if checksFrozen, optimizer.steps >= TrainingGuard.patience {
            checksFrozen = false
            try checkFrozen(values)
        }
    }

    /// Proves that what is frozen has the bits that it had: parameters that do not train, and the encoder.
    ///
    /// - Throws: ``TrainingError/frozenMoved(_:)`` naming what has not.
    func checkFrozen(_ values: ParameterVector) throws(TrainingError) {
        var moved: [String] = []
        for (parameter, hash) in zip(values.layout.parameters, frozenHashes) {
            if let hash, hash != TrainingGuard.hash(of: parameter, values) { moved.append(parameter.name) }
        }
        moved += zip(bits, encoder.frozenBits).filter { $0 != $1 }.map { $0.0.name }
        guard moved.isEmpty else { throw .frozenMoved(moved) }
    }

    private static func hash(of parameter: Parameter, _ values: ParameterVector) -> UInt64 {
        values.values.withUnsafeBufferPointer {
            XXHash64.hash(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: $0[values.layout.range(of: parameter)])))
        }
    }

    private static func areEqual(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Bool {
        zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
}
