import Matrices
import Testing

/// Norms of rows with what stands before them: the sum that stays, and the gradients of its parts.
@Suite struct MatrixNormTests {
    private static let rows = 70
    private static let columns = 40
    private let gamma = (0..<Self.columns).map { 1 + Float($0) / 50 }
    private let beta = (0..<Self.columns).map { Float($0) / 30 - 0.5 }

    private func random(_ name: String) -> Matrix {
        var random = RandomStream(seed: 3, name: name)
        return Matrix(
            rows: Self.rows, columns: Self.columns,
            values: (0..<Self.rows * Self.columns).map { _ in random.normal() })
    }

    private func normalized(
        _ x: Matrix, _ kind: NormKind, beta: [Float]? = nil
    ) -> (out: Matrix, kept: Matrix.Normalized?) {
        var out = Matrix(rows: x.rows, columns: x.columns)
        let kept = out.withMutableView {
            x.norm(kind, gamma: gamma, beta: beta, epsilon: 1e-6, keeping: true, into: $0)
        }
        return (out, kept)
    }

    @Test(arguments: NormKind.allCases)
    func theSumStaysInPlaceOfWhatWasAddedToTheResidual(kind: NormKind) throws {
        let (z, residual) = (random("z"), random("residual"))
        let mask = Matrix.Mask(rate: 0.3, key: 5, firstRow: 11)
        var expected = z
        expected.drop(mask)
        expected.add(residual)

        var sum = z
        var out = Matrix(rows: Self.rows, columns: Self.columns)
        let kept = out.withMutableView {
            sum.norm(
                kind, dropping: mask, residual: residual, gamma: gamma, beta: beta, epsilon: 1e-6, keeping: false,
                into: $0)
        }
        #expect(kept == nil)
        #expect(sum == expected)
        #expect(out == normalized(expected, kind, beta: beta).out)
        #expect(z == random("z"), "what shared its numbers")
    }

    @Test(arguments: NormKind.allCases)
    func rowsComeToOneSize(kind: NormKind) {
        var x = random("x")
        x.add(Matrix(rows: x.rows, columns: x.columns, values: [Float](repeating: 3, count: x.count)))
        let out = normalized(x, kind).out
        for row in 0..<out.rows {
            let values = zip(out.row(row), gamma).map { Double($0 / $1) }
            let mean = values.reduce(0, +) / Double(values.count)
            let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
            #expect(abs(square - 1) < 1e-4)
            #expect(kind == .layer ? abs(mean) < 1e-5 : mean > 0.5)
        }
    }

    /// What the pullback is given as gradient of the sum from elsewhere is part of what becomes of it.
    @Test(arguments: NormKind.allCases, [nil, Matrix.Mask(rate: 0.3, key: 5, firstRow: 4)])
    func gradientsOfTheResidualStreamAdd(kind: NormKind, mask: Matrix.Mask?) throws {
        let (x, dy, dResidual) = (random("x"), random("dy"), random("dResidual"))
        let kept = try #require(normalized(x, kind).kept)
        var alone = Matrix(rows: x.rows, columns: x.columns)
        alone.withMutableView { dy.normPullback(kept, gamma: gamma, into: $0) }
        var expected = dResidual
        expected.add(alone)

        var added = dResidual
        added.withMutableView { dy.normPullback(kept, gamma: gamma, accumulating: true, into: $0) }
        #expect(added == expected)

        for (accumulating, start, sum) in [(true, dResidual, expected), (false, dResidual, alone)] {
            var ds = start
            let dz = ds.withMutableView {
                dy.normPullback(kept, gamma: gamma, dropping: mask, accumulating: accumulating, into: $0)
            }
            var masked = sum
            if let mask { masked.drop(mask) }
            #expect(ds == sum)
            #expect(dz == masked)
        }
    }

    @Test(arguments: NormKind.allCases)
    func thePullbackIsTheSlope(kind: NormKind) throws {
        let (x, dy, direction) = (random("x"), random("dy"), random("direction"))
        let kept = try #require(normalized(x, kind, beta: beta).kept)
        var dx = Matrix(rows: x.rows, columns: x.columns)
        dx.withMutableView { dy.normPullback(kept, gamma: gamma, into: $0) }
        func loss(_ step: Float) -> Double {
            var moved = x
            moved.add(direction, scale: step)
            return zip(normalized(moved, kind, beta: beta).out.values, dy.values).reduce(0) {
                $0 + Double($1.0) * Double($1.1)
            }
        }
        let slope = (loss(0.01) - loss(-0.01)) / 0.02
        let expected = zip(dx.values, direction.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(slope - expected) < 2e-3 * (1 + abs(expected)))
    }
}
