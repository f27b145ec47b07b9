import Matrices
import Testing

@Suite struct ProductTests {
    /// Σ a·b in double precision.
    private func expected(_ a: Matrix, _ b: Matrix) -> [Float] {
        (0..<a.rows).flatMap { row in
            (0..<b.columns).map { column in
                Float((0..<a.columns).reduce(0.0) { $0 + Double(a[row, $1]) * Double(b[$1, column]) })
            }
        }
    }

    private func random(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
        var random = RandomStream(seed: 1, name: name)
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.normal() })
    }

    private func transposed(_ x: Matrix) -> Matrix {
        Matrix(
            rows: x.columns, columns: x.rows,
            values: (0..<x.columns).flatMap { column in (0..<x.rows).map { x[$0, column] } })
    }

    private func isClose(_ found: Matrix, _ expected: [Float]) -> Bool {
        zip(found.values, expected).allSatisfy { abs($0 - $1) < 1e-4 }
    }

    @Test(arguments: [(1, 1, 1), (3, 5, 7), (200, 33, 401), (97, 384, 192), (500, 64, 8), (8, 300, 384)])
    func everyWayOfReadingGivesTheSameProduct(rows: Int, depth: Int, columns: Int) {
        let (a, b) = (random(rows, depth, "a"), random(depth, columns, "b"))
        let (aTransposed, bTransposed) = (transposed(a), transposed(b))
        let expected = expected(a, b)
        withViews(a, b, aTransposed, bTransposed) { views in
            func check(_ compute: (MatrixView) -> Void) {
                var out = Matrix(rows: rows, columns: columns)
                out.withMutableView(compute)
                #expect(isClose(out, expected))
            }
            check { Product.compute(views[0], views[1], into: $0) }
            check { Product.compute(views[2].transposed, views[1], into: $0) }
            check { Product.compute(views[0], PackedMatrix(views[1]), into: $0) }
            check { Product.compute(views[0], PackedMatrix(views[3].transposed), into: $0) }
            check { Product.compute(views[2].transposed, PackedMatrix(views[1]), into: $0) }
        }
    }

    @Test func threadsDoNotChangeASingleBit() {
        let (a, b) = (random(700, 300, "a"), random(300, 500, "b"))
        func product() -> Matrix {
            var out = Matrix(rows: 700, columns: 500)
            withViews(a, b) { views in
                out.withMutableView { Product.compute(views[0], PackedMatrix(views[1]), into: $0) }
            }
            return out
        }
        let parallel = product()
        // The same rows one block at a time, as a single thread might take them.
        var serial = Matrix(rows: 700, columns: 500)
        withViews(a, b) { views in
            serial.withMutableView { out in
                let packed = PackedMatrix(views[1])
                Parallel.forEach(1) { _ in
                    for row in 0..<700 {
                        Product.compute(views[0].rows(row..<row + 1), packed, into: out.rows(row..<row + 1))
                    }
                }
            }
        }
        #expect(parallel == serial)
    }

    @Test func scaleBiasAndAccumulationComeInThatOrder() {
        let a = Matrix(rows: 1, columns: 2, values: [1, 2])
        let b = Matrix(rows: 2, columns: 1, values: [10, 100])
        var out = Matrix(rows: 1, columns: 1, values: [1000])
        withViews(a, b) { views in
            let packed = PackedMatrix(views[1])
            out.withMutableView {
                Product.compute(views[0], packed, scale: 0.5, bias: [3], accumulating: true, into: $0)
            }
        }
        #expect(out[0, 0] == 1108)
    }
}
