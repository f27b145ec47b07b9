import Matrices
import Testing

/// int8 in groups of the depth, each with scales of its own.
@Suite struct Int8GroupTests {
    private func numbers(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, name: "groups")
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.normal() })
    }

    private func product(_ a: Matrix, _ b: Matrix, _ precision: Precision) -> Matrix {
        var out = Matrix(rows: a.rows, columns: b.columns)
        let packed = b.withView { PackedMatrix($0, precision) }
        out.withMutableView { Product.compute(RowOperand(a, for: precision), packed, into: $0) }
        return out
    }

    private func error(_ found: Matrix, _ expected: Matrix) -> Float {
        let difference = zip(found.values, expected.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (difference / expected.values.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }

    /// Depths on both sides of a group's end and of several groups'.
    @Test(arguments: [1, 3, 191, 192, 193, 198, 384, 1000, 1536])
    func everyDepthIsNearFloat32(depth: Int) {
        let (a, b) = (numbers(5, depth, seed: 1), numbers(depth, 70, seed: 2))
        #expect(error(product(a, b, .int8), product(a, b, .float32)) < 0.02)
    }

    @Test func aLargeNumberCoarsensItsOwnGroupAlone() {
        var (a, b) = (numbers(4, 768, seed: 3), numbers(768, 40, seed: 4))
        for row in 0..<4 { a[row, 5] = 1000 }
        // What the large number is multiplied with is nothing, so its own group's other numbers are all that it can harm.
        for k in 0..<192 {
            for column in 0..<40 { b[k, column] = 0 }
        }
        #expect(error(product(a, b, .int8), product(a, b, .float32)) < 0.02)
    }

    @Test func rowsAndColumnsOfAProductDependOnThemselvesAlone() {
        let (a, b) = (numbers(200, 800, seed: 5), numbers(800, 400, seed: 6))
        let whole = product(a, b, .int8)
        for row in [0, 77, 199] {
            #expect(product(a.rows(row..<row + 1), b, .int8).values == whole.row(row))
        }
    }

    @Test func columnsAreMultipliedByTheirFactors() {
        let (a, factors) = (numbers(7, 33, seed: 7), (0..<33).map { Float($0) / 8 })
        let found = a.multiplyingColumns(by: factors)
        for row in 0..<7 {
            for column in 0..<33 { #expect(found[row, column] == a[row, column] * factors[column]) }
        }
    }
}
