import Matrices
import Testing

/// Activations and gates of whole matrices; the kernels' own tests say that their numbers are right.
@Suite struct MatrixActivationTests {
    /// More rows than one thread takes at a time.
    private static let rows = 900
    private static let columns = 48

    private func random(_ columns: Int, _ name: String) -> Matrix {
        var random = RandomStream(seed: 4, name: name)
        return Matrix(
            rows: Self.rows, columns: columns, values: (0..<Self.rows * columns).map { _ in random.normal() })
    }

    private func columns(_ matrix: Matrix, _ range: Range<Int>) -> Matrix {
        Matrix(
            rows: matrix.rows, columns: range.count, values: (0..<matrix.rows).flatMap { matrix.row($0)[range] })
    }

    private func product(_ x: Matrix, _ y: Matrix) -> [Float] { zip(x.values, y.values).map { $0 * $1 } }

    @Test(arguments: ActivationKind.allCases)
    func activationsHaveTheirValuesAtZeroAndFarOut(kind: ActivationKind) throws {
        let x = Matrix(rows: 1, columns: 4, values: [0, 50, -50, 1])
        let ones = Matrix(rows: 1, columns: 4, values: [1, 1, 1, 1])
        let atOne: [ActivationKind: (value: Float, slope: Float)] = [
            .gelu: (0.841345, 1.083315), .geluTanh: (0.841192, 1.082964), .relu: (1, 1), .silu: (0.731059, 0.927671),
        ]
        let expected = try #require(atOne[kind])
        let slopeAtZero: Float = kind == .relu ? 0 : 0.5
        func isClose(_ found: Matrix, _ expected: [Float]) -> Bool {
            zip(found.values, expected).allSatisfy { abs($0 - $1) < 2e-6 }
        }
        #expect(isClose(x.activate(kind), [0, 50, 0, expected.value]))
        #expect(isClose(x.activatePullback(ones, kind), [slopeAtZero, 1, 0, expected.slope]))
    }

    @Test(arguments: ActivationKind.allCases)
    func aGateIsTheActivationTimesTheOtherSide(kind: ActivationKind) {
        let (a, b, dy) = (random(Self.columns, "a"), random(Self.columns, "b"), random(Self.columns, "dy"))
        #expect(differences(a.gate(kind, b).values, product(a.activate(kind), b)) == [])
        let (da, db) = a.gatePullback(dy, kind, b)
        let dActivated = Matrix(rows: Self.rows, columns: Self.columns, values: product(dy, b))
        #expect(differences(da.values, a.activatePullback(dActivated, kind).values) == [])
        #expect(differences(db.values, product(dy, a.activate(kind))) == [])
    }

    /// The places where two lists differ by more than roundings do: the reference rounds once where two steps round twice.
    private func differences(_ found: [Float], _ expected: [Float]) -> [Int] {
        precondition(found.count == expected.count, "both are of one shape")
        return found.indices.filter { abs(found[$0] - expected[$0]) > 4 * Float.ulpOfOne * abs(expected[$0]) }
    }

    @Test(arguments: ActivationKind.allCases)
    func halvesOfOneMatrixAreAsGoodAsTwoMatrices(kind: ActivationKind) {
        let (wide, dy) = (random(2 * Self.columns, "wide"), random(Self.columns, "dy"))
        let (left, right) = (0..<Self.columns, Self.columns..<2 * Self.columns)
        let (a, b) = (columns(wide, left), columns(wide, right))
        #expect(wide.gateHalves(kind) == a.gate(kind, b))
        let (da, db) = a.gatePullback(dy, kind, b)
        let dWide = wide.gateHalvesPullback(dy, kind)
        #expect(columns(dWide, left) == da)
        #expect(columns(dWide, right) == db)
    }
}
