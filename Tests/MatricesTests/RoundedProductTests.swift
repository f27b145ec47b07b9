import Matrices
import Testing

/// Products of sides that are rounded once, or only shared.
struct RoundedProductTests {
    /// Small whole numbers, which every precision holds: what is wrong is wrong by a lot.
    private func wholes(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
        var random = RandomStream(seed: 7, name: name)
        var values = (0..<rows * columns).map { _ in Float(Int(random.next() % 255) - 127) }
        // Every row and column reaches both ends of the range, so that the steps of int8 are 1.
        for row in 0..<rows where columns > 1 {
            values[row * columns] = 127
            values[row * columns + 1] = -128
        }
        return Matrix(rows: rows, columns: columns, values: values)
    }

    private func weight(_ depth: Int, _ columns: Int) -> Matrix {
        var weight = wholes(depth, columns, "weight")
        for column in 0..<columns {
            for row in 0..<depth { weight[row, column] = max(weight[row, column], -127) }
            weight[0, column] = 127
        }
        return weight
    }

    private func expected(_ a: Matrix, _ b: Matrix) -> Matrix {
        var out = Matrix(rows: a.rows, columns: b.columns)
        for row in 0..<a.rows {
            for column in 0..<b.columns {
                out[row, column] = (0..<a.columns).reduce(0) { $0 + a[row, $1] * b[$1, column] }
            }
        }
        return out
    }

    private func product(_ rows: Int, _ columns: Int, _ compute: (MatrixView) -> Void) -> Matrix {
        var out = Matrix(rows: rows, columns: columns)
        out.withMutableView(compute)
        return out
    }

    private func isClose(_ found: Matrix, _ expected: Matrix) -> Bool {
        zip(found.values, expected.values).allSatisfy { abs($0 - $1) <= 1e-5 * (1 + abs($1)) }
    }

    /// In int8 depths of one group, whose steps are whole numbers here; `Int8GroupTests` has the deeper ones.
    @Test(arguments: Precision.allCases, [(1, 2, 1), (5, 7, 70), (200, 33, 401), (700, 130, 192), (8, 190, 384)])
    func everyPrecisionMultipliesWhatItHolds(precision: Precision, sizes: (rows: Int, depth: Int, columns: Int)) {
        let (rows, depth, columns) = sizes
        let (a, b) = (wholes(rows, depth, "a"), weight(depth, columns))
        let expected = expected(a, b)
        withViews(a, b) { views in
            let packed = PackedMatrix(views[1], precision)
            let operand = RowOperand(a, for: precision)
            let whole = product(rows, columns) { Product.compute(operand, packed, into: $0) }
            #expect(isClose(whole, expected))
            // A view of the numbers, and rows of the operand, give the same bits.
            let viewed = RowOperand(views[0], for: precision)
            #expect(product(rows, columns) { Product.compute(viewed, packed, into: $0) } == whole)
            let byRows = product(rows, columns) { out in
                for row in stride(from: 0, to: rows, by: 3) {
                    let range = row..<min(row + 3, rows)
                    Product.compute(RowOperand(a.rows(range), for: precision), packed, into: out.rows(range))
                }
            }
            #expect(byRows == whole)
        }
    }

    @Test(arguments: Precision.allCases)
    func scaleBiasAndAccumulationComeInThatOrder(precision: Precision) {
        let a = Matrix(rows: 1, columns: 2, values: [127, -128])
        let b = Matrix(rows: 2, columns: 1, values: [127, 1])
        var out = Matrix(rows: 1, columns: 1, values: [1000])
        b.withView { b in
            let packed = PackedMatrix(b, precision)
            out.withMutableView {
                Product.compute(
                    RowOperand(a, for: precision), packed, scale: 0.5, bias: [3], accumulating: true, into: $0)
            }
        }
        #expect(abs(out[0, 0] - (1000 + 0.5 * (127 * 127 - 128) + 3)) < 0.01)
    }

    @Test func theCeilingLoopCountsItsOperations() {
        for precision in Precision.allCases {
            #expect(Kernels.runCeilingLoop(precision, iterations: 10) > 0)
        }
        #expect(Kernels.computes(.float32))
        #expect(Precision.automatic == (Kernels.computes(.bfloat16) ? .bfloat16 : .float32))
    }
}
