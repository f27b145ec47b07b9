import Foundation
import Matrices
import Testing

/// Rotary positions: their angles, where they begin, and what they are for.
@Suite struct RotaryPositionsTests {
    private static let width = 16
    private static let heads = 3

    private func random(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
        var random = RandomStream(seed: 6, name: name)
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.normal() })
    }

    @Test func pairsOfHalvesAreTurnedByTheirAngle() {
        let rotary = RotaryPositions(width: 8, base: 10_000, maximum: 700)
        let before = random(700, 16, "x")
        var x = before
        x.withMutableView { rotary.rotate($0, texts: [0..<700]) }
        for position in [0, 1, 2, 63, 500, 699] {
            for head in 0..<2 {
                for pair in 0..<4 {
                    let angle = Double(position) / pow(10_000, Double(2 * pair) / 8)
                    let (left, right) = (head * 8 + pair, head * 8 + 4 + pair)
                    let (u, v) = (Double(before[position, left]), Double(before[position, right]))
                    // An angle in float32 is off by its own size times 2⁻²⁴ or so.
                    #expect(abs(Double(x[position, left]) - (u * cos(angle) - v * sin(angle))) < 3e-4)
                    #expect(abs(Double(x[position, right]) - (v * cos(angle) + u * sin(angle))) < 3e-4)
                }
            }
        }
    }

    @Test func positionsBeginWithEachText() {
        let rotary = RotaryPositions(width: Self.width, base: 160_000, maximum: 50)
        let texts = [0..<7, 7..<8, 8..<58]
        let x = random(58, Self.heads * Self.width, "x")
        var together = x
        together.withMutableView { rotary.rotate($0, texts: texts) }
        for text in texts {
            var alone = Matrix(rows: text.count, columns: x.columns, values: text.flatMap { x.row($0) })
            alone.withMutableView { rotary.rotate($0, texts: [0..<text.count]) }
            #expect(alone.values == text.flatMap { together.row($0) })
        }
    }

    @Test func columnsOfAWiderMatrixAreTurnedAndNothingElse() {
        let (rotary, hidden) = (RotaryPositions(width: Self.width, base: 10_000, maximum: 40), Self.heads * Self.width)
        let wide = random(40, 3 * hidden, "wide")
        var turned = wide
        turned.withMutableView { rotary.rotate($0[0..<40, hidden..<2 * hidden], texts: [0..<40]) }
        var key = Matrix(
            rows: 40, columns: hidden, values: (0..<40).flatMap { wide.row($0)[hidden..<2 * hidden] })
        key.withMutableView { rotary.rotate($0, texts: [0..<40]) }
        for row in 0..<40 {
            #expect(Array(turned.row(row)[hidden..<2 * hidden]) == key.row(row))
            #expect(turned.row(row)[..<hidden] == wide.row(row)[..<hidden])
            #expect(turned.row(row)[(2 * hidden)...] == wide.row(row)[(2 * hidden)...])
        }
    }

    @Test func theInverseTurnsBack() {
        let rotary = RotaryPositions(width: Self.width, base: 10_000, maximum: 300)
        let before = random(300, Self.heads * Self.width, "x")
        var x = before
        x.withMutableView {
            rotary.rotate($0, texts: [0..<300])
            rotary.rotate($0, texts: [0..<300], inverse: true)
        }
        #expect(x != before)
        #expect(zip(x.values, before.values).allSatisfy { abs($0 - $1) < 2e-6 })
    }

    @Test func productsDependOnDistanceAlone() {
        let rotary = RotaryPositions(width: Self.width, base: 10_000, maximum: 200)
        let (query, key) = (random(1, Self.width, "query").values, random(1, Self.width, "key").values)
        func repeated(_ row: [Float]) -> Matrix {
            var rows = Matrix(rows: 200, columns: Self.width, values: (0..<200).flatMap { _ in row })
            rows.withMutableView { rotary.rotate($0, texts: [0..<200]) }
            return rows
        }
        let (queries, keys) = (repeated(query), repeated(key))
        func score(_ i: Int, _ j: Int) -> Float { zip(queries.row(i), keys.row(j)).reduce(0) { $0 + $1.0 * $1.1 } }
        for distance in [0, 1, 5, 40] {
            for start in [0, 3, 90, 159] { #expect(abs(score(start, start + distance) - score(0, distance)) < 1e-3) }
        }
        #expect(abs(score(0, 1) - score(0, 5)) > 1e-2)
    }
}
