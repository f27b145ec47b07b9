import Encoders
import Matrices

/// Interventions of ReFT behind a layer, on the first and the last tokens of each text (Wu et al. 2024): LoReFT, NoReFT and
/// DiReFT as AdapterHub's library computes them. A token that is among both belongs to the last.
public struct Reft: LayerAdapter, Equatable {
    let prefix, suffix: Int
    /// That of the first tokens, and that of the last; one of both where they are tied. nil: there are no such tokens.
    let prefixUnit, suffixUnit: ReftUnit?

    init(prefix: Int, suffix: Int, prefixUnit: ReftUnit?, suffixUnit: ReftUnit?) {
        (self.prefix, self.suffix, self.prefixUnit, self.suffixUnit) = (prefix, suffix, prefixUnit, suffixUnit)
    }

    var units: [ReftUnit] {
        let units = [prefixUnit, suffixUnit].compactMap { $0 }
        return units.count == 2 && units[0].source == units[1].source ? [units[0]] : units
    }

    /// Those of the first tokens, then those of the last.
    public var parameters: [Parameter] { units.flatMap(\.parameters) }

    /// y [tokens, hidden] of what the layer gives; the pullback leaves what trains.
    public func forward(_ x: Matrix, _ batch: PackedBatch, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        var y = x
        var pullbacks: [(rows: [Int], pull: @Sendable (Matrix, inout Gradients) -> Matrix)] = []
        for (unit, rows) in assignments(batch) where !rows.isEmpty {
            let (changed, pullback) = unit.forward(x.gathering(rows), pass)
            y.put(changed, at: rows)
            pullbacks.append((rows, pullback))
        }
        guard pass.demand > .nothing else { return (y, { _, _ in .empty }) }
        return (
            y,
            { [pullbacks] dy, gradients in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                var dx = dy
                for (rows, pull) in pullbacks { dx.put(pull(dy.gathering(rows), &gradients), at: rows) }
                return pass.demand == .parametersAndInput ? dx : .empty
            }
        )
    }

    /// The rows of the batch that each unit changes.
    private func assignments(_ batch: PackedBatch) -> [(unit: ReftUnit, rows: [Int])] {
        var (first, last): ([Int], [Int]) = ([], [])
        for text in batch.sequences {
            let end = text.upperBound - min(suffix, text.count)
            first += text.lowerBound..<min(text.lowerBound + prefix, end)
            last += end..<text.upperBound
        }
        if units.count == 1, let unit = units.first { return [(unit, (first + last).sorted())] }
        return [(prefixUnit, first), (suffixUnit, last)].compactMap { unit, rows in unit.map { ($0, rows) } }
    }
}

extension Matrix {
    /// These rows, in their order.
    fileprivate func gathering(_ rows: [Int]) -> Matrix {
        var out = Matrix(uninitializedRows: rows.count, columns: columns)
        out.withMutableView { out in
            withView { from in
                for (index, row) in rows.enumerated() { out.rows(index..<index + 1).copy(from.rows(row..<row + 1)) }
            }
        }
        return out
    }

    /// Row i of `matrix` becomes row `rows[i]`.
    fileprivate mutating func put(_ matrix: Matrix, at rows: [Int]) {
        withMutableView { out in
            matrix.withView { from in
                for (index, row) in rows.enumerated() { out.rows(row..<row + 1).copy(from.rows(index..<index + 1)) }
            }
        }
    }
}
