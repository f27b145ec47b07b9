import Matrices
import Synchronization

/// What a layer makes of the table of relative positions for DeBERTa's attention: the table, projected to the side of keys
/// and to that of queries. The maps are the layer's own for positions, or those of its keys and queries with their adapters.
struct RelativePositions: Sendable {
    let table: RelativePositionTable
    let distances: DisentangledDistances
    let key, query: Side?
    /// Of the table's rows.
    let dropout: Dropout

    /// What one side is projected by.
    enum Side: Sendable {
        case own(FrozenLinear)
        case shared(Projection)
    }

    /// A projected table [2 · span, heads · width]; where an adapter learns from it, with its way back.
    typealias Projected = (table: Matrix, pullback: (@Sendable (_ d: Matrix, _ gradients: inout Gradients) -> Void)?)

    /// The table as one side of attention reads it. Of rows that no token of the batch meets it may hold zeros.
    func project(
        _ side: Side, _ maps: LayerMaps, _ batch: PackedBatch, _ adapters: AdapterSet, _ plan: BackwardPlan,
        _ pass: Pass
    ) -> Projected {
        let met = met(by: batch)
        let mask = dropout.mask(pass.startingAt(row: met.lowerBound))
        switch side {
        case .own(let map):
            guard let mask else { return (table.projected(by: map), nil) }
            let rows = LinearInput(table.rows(met, dropping: mask), for: map)
            return (spread(map.forward(rows, pass.demanding(.nothing)).y, to: met), nil)
        case .shared(let projection):
            let isAdapted = adapters.linear[Site(layer: maps.layer, projection: projection)] != nil
            if !isAdapted, mask == nil { return (table.projected(by: maps[projection]), nil) }
            let rows = LinearInput(table.rows(met, dropping: mask), for: maps[projection])
            // What an adapter drops here is not what it drops of the tokens.
            let (y, pullback) = maps.project(
                projection, rows, adapters, plan, pass.startingAt(row: batch.tokens.count))
            guard plan.adapts(projection) else { return (spread(y, to: met), nil) }
            return (
                spread(y, to: met),
                { d, gradients in
                    var nobody = InputGradient.unwanted
                    pullback(d.rows(met), &gradients, &nobody)
                }
            )
        }
    }

    /// The rows of the table for the distances within the batch's longest text.
    private func met(by batch: PackedBatch) -> Range<Int> {
        let furthest = (batch.sequences.map(\.count).max() ?? 1) - 1
        return distances.row(-furthest)..<distances.row(furthest) + 1
    }

    /// A table whose rows `met` are `y`, and all others zero.
    private func spread(_ y: Matrix, to met: Range<Int>) -> Matrix {
        guard met.count < 2 * distances.span else { return y }
        var table = Matrix(rows: 2 * distances.span, columns: y.columns)
        table.withMutableView { table in y.withView { table.rows(met).copy($0) } }
        return table
    }
}

/// The table of relative positions [2 · span, hidden], which all layers share, and what frozen maps have made of it: each
/// projection is computed once.
final class RelativePositionTable: Sendable {
    private let rows: Matrix
    private let projections = Mutex<[ObjectIdentifier: Projection]>([:])

    private struct Projection {
        /// Not kept alive from here: weights that were merged are gone when nobody uses them.
        weak var map: FrozenLinear?
        let table: Matrix
    }

    init(_ rows: Matrix) { self.rows = rows }

    /// Some rows, with some of their elements dropped.
    func rows(_ range: Range<Int>, dropping mask: Matrix.Mask?) -> Matrix {
        var some = rows.rows(range)
        if let mask { some.drop(mask) }
        return some
    }

    /// All rows through a frozen map.
    func projected(by map: FrozenLinear) -> Matrix {
        let known = projections.withLock { projections -> Matrix? in
            projections[ObjectIdentifier(map)].flatMap { $0.map === map ? $0.table : nil }
        }
        if let known { return known }
        // Not under the lock: several threads may compute it at once, and come to the same numbers.
        let table = map.forward(LinearInput(rows, for: map), Pass(parameters: ParameterVector([]))).y
        projections.withLock { projections in
            projections = projections.filter { $0.value.map != nil }
            projections[ObjectIdentifier(map)] = Projection(map: map, table: table)
        }
        return table
    }
}

extension EncoderConfig {
    /// How scores tell of relative positions, in DeBERTa.
    struct Disentangled: Sendable, Equatable {
        let distances: DisentangledDistances
        /// Whether positions are in the embeddings too.
        let addsPositions: Bool
        /// Whether queries are multiplied with positions as keys (`c2p`), and keys with positions as queries (`p2c`).
        let hasKeyTerm, hasQueryTerm: Bool
        /// Whether positions go through the maps of keys and queries.
        let sharesMaps: Bool
        /// Whether the table has a norm.
        let isNormed: Bool
    }
}
