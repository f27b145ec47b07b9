import Encoders
import Foundation
import Matrices

/// How LoRA's factors start: PEFT's `init_lora_weights`, on a base that stays as it is.
public enum LoRAInitialization: String, Sendable, CaseIterable {
    /// A uniform within ±1/√inputs, B zero: `true` in PEFT.
    case standard
    /// A normal with deviation 1/rank, B zero.
    case gaussian
    /// A and B random, with rows of A and columns of B in spaces at right angles, so that B A is zero but for rounding. The rank is
    /// even.
    case orthogonal
    /// The leading singular vectors of the weight (Meng et al. 2024), which stay in the base: see ``OffsetLoRA``.
    case pissa
    /// The first columns of Q and rows of R of the weight (Büyükakyüz 2024), which stay in the base: see ``OffsetLoRA``.
    case olora
    /// The leading directions of what the map reads in training texts, each map with as many as explain most: ``EVA``.
    case eva
    /// The best of the rank for what rounding the frozen weight has lost (Li et al. 2023): W − Q(W). The base keeps its bytes, so
    /// there is nothing to alternate.
    case loftq

    /// Whether the adapter starts with an effect, or with none.
    public var startsAtBase: Bool { self != .loftq }

    /// The adapter at a map with these settings, and the starting values of its parameters: a function of the seed, the name and the
    /// weight.
    ///
    /// - Parameters:
    ///   - lora: the adapter with its rank and scale.
    ///   - map: what it is put on.
    /// - Throws: ``AdapterError/cannotStart(_:site:reason:)``
    func start(
        _ lora: LoRA, on map: FrozenLinear, seed: UInt64
    ) throws(AdapterError) -> (adapter: any LinearAdapter, a: Matrix, b: Matrix) {
        let (rank, site) = (lora.a.rows, String(lora.a.name.dropLast(".lora_A".count)))
        func refusal(_ reason: String) -> AdapterError { .cannotStart(rawValue, site: site, reason: reason) }
        var random = RandomStream(seed: seed, name: lora.a.name)
        let zeroB = Matrix(rows: lora.b.rows, columns: rank)
        switch self {
        case .standard:
            let bound = 1 / Float(lora.a.columns).squareRoot()
            let numbers = (0..<lora.a.count).map { _ in (2 * random.uniform() - 1) * bound }
            return (lora, Matrix(rows: rank, columns: lora.a.columns, values: numbers), zeroB)
        case .gaussian:
            let numbers = (0..<lora.a.count).map { _ in random.normal() / Float(rank) }
            return (lora, Matrix(rows: rank, columns: lora.a.columns, values: numbers), zeroB)
        case .orthogonal:
            guard rank.isMultiple(of: 2) else { throw refusal("the rank is \(rank), expected an even one") }
            let (a, b) = LoRAInitialization.orthogonal(lora, &random)
            return (lora, a, b)
        case .pissa, .olora:
            guard lora.scale > 0 else { throw refusal("the scale is \(lora.scale), expected one above 0") }
            guard rank <= min(map.inputs, map.outputs) else {
                throw refusal(
                    "the rank is \(rank), expected at most \(min(map.inputs, map.outputs)), the weight's own")
            }
            let (a, b) = leadingPart(of: map.weight, rank: rank, scale: Double(lora.scale))
            return (OffsetLoRA(lora, startingAt: a, b), a, b)
        case .loftq:
            guard lora.scale > 0 else { throw refusal("the scale is \(lora.scale), expected one above 0") }
            var lost = DoubleMatrix(map.weight)
            lost.add(DoubleMatrix(map.roundedWeight), scale: -1)
            guard map.precision != .float32, lost.largestMagnitude > 0 else {
                throw refusal(
                    "the base is in \(map.precision.rawValue), expected int8 or bfloat16: nothing was lost by rounding")
            }
            let decomposition = SingularValueDecomposition(lost, rank: rank)
            guard decomposition.rank == rank else {
                throw refusal("the rank is \(rank), expected at most \(decomposition.rank), the weight's own")
            }
            let factors = LowRankFactors(decomposition, rank: rank)
            let share = 1 / Double(lora.scale).squareRoot()
            return (lora, factors.right.multiplied(by: share).rounded, factors.left.multiplied(by: share).rounded)
        case .eva:
            throw refusal("it starts from texts; train with it, or compute it with EVA")
        }
    }

    /// A₀ and B₀ with s B₀ A₀ the part of the weight that the adapter begins with.
    private func leadingPart(of weight: Matrix, rank: Int, scale: Double) -> (a: Matrix, b: Matrix) {
        guard self == .pissa else {
            let decomposition = QRDecomposition(DoubleMatrix(weight))
            return (decomposition.r.rows(upTo: rank).rounded, decomposition.transposedQ(rank).transposed.rounded)
        }
        let factors = LowRankFactors(SingularValueDecomposition(weight, rank: rank), rank: rank)
        let share = 1 / scale.squareRoot()
        return (factors.right.multiplied(by: share).rounded, factors.left.multiplied(by: share).rounded)
    }

    private static func orthogonal(_ lora: LoRA, _ random: inout RandomStream) -> (a: Matrix, b: Matrix) {
        let rank = lora.a.rows
        func normal(_ rows: Int, _ columns: Int) -> DoubleMatrix {
            DoubleMatrix(
                rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Double(random.normal()) })
        }
        return orthogonal(
            normal(rank, rank), inputs: normal(lora.a.columns, rank / 2), outputs: normal(lora.b.rows, rank / 2))
    }

    /// Half the rows of an orthogonal matrix span what A reads into, the other half what B reads: Q of `square` [rank, rank], with
    /// random [inputs, rank / 2] and [outputs, rank / 2].
    package static func orthogonal(
        _ square: DoubleMatrix, inputs: DoubleMatrix, outputs: DoubleMatrix
    ) -> (a: Matrix, b: Matrix) {
        let rank = square.rows
        let q = QRDecomposition(square).transposedQ(rank).transposed
        func half(_ first: Int) -> DoubleMatrix {
            DoubleMatrix(
                rows: rank / 2, columns: rank,
                values: stride(from: first, to: rank, by: 2).flatMap { row in (0..<rank).map { q[row, $0] } })
        }
        let (a, b) = ((inputs * half(0)).transposed, outputs * half(1))
        return (a.multiplied(by: 0.1).rounded, b.multiplied(by: 0.1).rounded)
    }
}

extension FrozenLinear {
    /// W [outputs, inputs] as products have it: what the map does to each unit vector, whose own rounding is exact.
    var roundedWeight: Matrix {
        let unit = DoubleMatrix.identity(inputs).rounded
        let pass = Pass(parameters: ParameterVector([]))
        let unbiased = FrozenLinear(self, bias: [Float](repeating: 0, count: outputs))
        let (y, _) = unbiased.forward(LinearInput(unit, for: unbiased), pass)
        return DoubleMatrix(y).transposed.rounded
    }
}
