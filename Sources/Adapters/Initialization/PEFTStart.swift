import Encoders
import Matrices

/// Reading PEFT's own folders of PiSSA and OLoRA: there the frozen weight lacks the part that the adapter began with, and the
/// folder does not say which part that was.
///
/// It is s B₀ A₀, the leading part of the weight, which the weight gives again: of PiSSA if the last singular value that is in it
/// is apart from the next, of OLoRA always, because signs within Q and R cancel. So the folder's effect on the base as it is is a plain
/// LoRA of twice the rank: [B, −B₀] and [A; A₀].
enum PEFTStart {
    /// Values nearer to each other than this, of the larger one, leave the part open: in float32, as PEFT computes it, it would be
    /// wrong by 1e-4 of the largest singular value.
    private static let leastGap = 1e-3

    /// The factors of the plain LoRA.
    ///
    /// - Throws: ``AdapterError/cannotStart(_:site:reason:)`` where the part is not unique.
    static func plain(
        a: Matrix, b: Matrix, scale: Float, startedBy start: LoRAInitialization, on map: FrozenLinear, site: String
    ) throws(AdapterError) -> (a: Matrix, b: Matrix) {
        let rank = a.rows
        guard rank <= min(map.inputs, map.outputs), scale > 0 else {
            throw .cannotStart(
                start.rawValue, site: site,
                reason: "rank \(rank) and scale \(scale) do not fit a weight of \(map.outputs) × \(map.inputs)")
        }
        let (startA, startB): (DoubleMatrix, DoubleMatrix)
        switch start {
        case .pissa:
            let decomposition = SingularValueDecomposition(map.weight, rank: rank)
            let (last, next) = (decomposition.values[rank - 1], decomposition.values.dropFirst(rank).first ?? 0)
            guard last - next > leastGap * last else {
                throw .cannotStart(
                    start.rawValue, site: site,
                    reason:
                        "singular values \(rank) and \(rank + 1) of the weight are \(last) and \(next), too near to tell"
                        + " what PEFT has taken out; save it in PEFT with path_initial_model_for_weight_conversion")
            }
            let factors = LowRankFactors(decomposition, rank: rank)
            let share = 1 / Double(scale).squareRoot()
            (startA, startB) = (factors.right.multiplied(by: share), factors.left.multiplied(by: share))
        case .olora:
            let decomposition = QRDecomposition(DoubleMatrix(map.weight))
            (startA, startB) = (decomposition.r.rows(upTo: rank), decomposition.transposedQ(rank).transposed)
        case .standard, .gaussian, .orthogonal, .eva, .loftq: return (a, b)
        }
        return (
            DoubleMatrix(belowEachOther: [DoubleMatrix(a), startA]).rounded,
            DoubleMatrix(besideEachOther: [DoubleMatrix(b), startB.multiplied(by: -1)]).rounded
        )
    }
}
