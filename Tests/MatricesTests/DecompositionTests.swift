import Foundation
import Matrices
import TestSupport
import Testing

/// QR and singular values against numpy (`Tests/Peers/make_algebra_fixtures.py`), and by what they promise.
@Suite(.serialized) struct DecompositionTests {
    static let names = [
        "tall", "wide", "square", "row", "column", "one", "zero", "deficient", "repeated", "graded", "large",
    ]

    private let golden: GoldenFile

    init() throws { golden = try GoldenFile("algebra/decompositions.safetensors") }

    private func matrix(_ name: String) throws -> DoubleMatrix { DoubleMatrix(try golden.matrix(name)) }

    private func difference(_ left: DoubleMatrix, _ right: DoubleMatrix) -> Double {
        var difference = left
        difference.add(right, scale: -1)
        return difference.squaredNorm.squareRoot()
    }

    /// How far rows are from being orthonormal.
    private func skewness(_ rows: DoubleMatrix) -> Double {
        difference(rows * rows.transposed, .identity(rows.rows))
    }

    // MARK: Singular values

    @Test(arguments: names)
    func singularValuesAreThoseOfNumpy(name: String) throws {
        let found = SingularValueDecomposition(try matrix(name)).values
        let expected = try golden.floats("\(name).s")
        #expect(found.count == expected.count)
        let largest = max(Double(expected.max() ?? 0), 1e-30)
        for (found, expected) in zip(found, expected) { #expect(abs(found - Double(expected)) < 1e-7 * largest) }
    }

    @Test(arguments: names)
    func vectorsAreOrthonormalAndGiveTheMatrixBack(name: String) throws {
        let matrix = try matrix(name)
        let found = SingularValueDecomposition(matrix)
        #expect(found.rank == min(matrix.rows, matrix.columns))
        #expect(skewness(found.left) < 1e-13 * Double(found.rank + 1))
        #expect(skewness(found.right) < 1e-13 * Double(found.rank + 1))
        #expect(difference(found.product(), matrix) <= 1e-13 * matrix.squaredNorm.squareRoot())
        #expect(found.values == found.values.sorted(by: >))
    }

    @Test(arguments: ["tall", "wide", "square", "row", "column", "one", "large"])
    func vectorsOfDistinctValuesAreThoseOfNumpyWithTheLargestNumberPositive(name: String) throws {
        let found = SingularValueDecomposition(try matrix(name))
        for (rows, expected) in [(found.left, "ut"), (found.right, "vt")] {
            let difference = Closeness.largestDifference(
                rows.rounded.values, try golden.floats("\(name).\(expected)"))
            #expect(difference < 1e-5, "\(expected)")
        }
    }

    @Test(arguments: [1, 3, 5])
    func leadingVectorsAreTheFirstOfAll(rank: Int) throws {
        let matrix = try matrix("large")
        let (all, some) = (SingularValueDecomposition(matrix), SingularValueDecomposition(matrix, rank: rank))
        #expect(some.values == all.values)
        #expect(some.left == all.left.rows(upTo: rank))
        #expect(some.right == all.right.rows(upTo: rank))
        // What is left out is what the other values say (Eckart and Young).
        let rest = all.values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(difference(some.product(), matrix) - rest) < 1e-10)
    }

    @Test(arguments: [(300, 130), (130, 300), (160, 160)])
    func largeMatricesAreDecomposedToo(rows: Int, columns: Int) {
        let matrix = random(rows, columns, "large")
        let found = SingularValueDecomposition(matrix)
        #expect(skewness(found.left) < 1e-11)
        #expect(skewness(found.right) < 1e-11)
        #expect(difference(found.product(), matrix) < 1e-12 * matrix.squaredNorm.squareRoot())
    }

    @Test func theProductOfFactorsIsDecomposedThroughTheFactors() {
        let (left, right) = (random(50, 6, "left"), random(6, 40, "right"))
        let (found, whole) = (
            SingularValueDecomposition(product: left, right), SingularValueDecomposition(left * right)
        )
        #expect(found.values.count == 6)
        for (found, whole) in zip(found.values, whole.values) { #expect(abs(found - whole) < 1e-11) }
        #expect(difference(found.product(), left * right) < 1e-11)
        // Factors that are not thin are multiplied first.
        let wide = SingularValueDecomposition(product: random(3, 9, "left"), random(9, 4, "right"))
        #expect(wide.values.count == 3)
    }

    @Test(arguments: [1e-30, 1e30])
    func sizesOfNumbersDoNotMatter(scale: Double) throws {
        let matrix = try matrix("square")
        let scaled = DoubleMatrix(
            rows: matrix.rows, columns: matrix.columns, values: matrix.values.map { $0 * scale })
        let (found, plain) = (SingularValueDecomposition(scaled), SingularValueDecomposition(matrix))
        for (found, plain) in zip(found.values, plain.values) { #expect(abs(found / scale - plain) < 1e-13) }
    }

    @Test func theBytesAreTheSameAtAnyNumberOfThreads() {
        let threads = Parallel.threads
        defer { Parallel.threads = threads }
        let matrix = random(190, 150, "threads")
        let results = [1, 2, 5].map { count -> [[Double]] in
            Parallel.threads = count
            let found = SingularValueDecomposition(matrix)
            let qr = QRDecomposition(matrix)
            return [found.values, found.left.values, found.right.values, qr.r.values, qr.transposedQ(150).values]
        }
        #expect(results[0] == results[1])
        #expect(results[0] == results[2])
    }

    @Test func energyIsTheShareOfSquares() {
        let diagonal = DoubleMatrix(rows: 3, columns: 3, values: [3, 0, 0, 0, 0, 0, 0, 0, -4])
        let found = SingularValueDecomposition(diagonal)
        #expect(found.values.map { ($0 * 1e12).rounded() / 1e12 } == [4, 3, 0])
        #expect(abs(found.energy(upTo: 1) - 0.64) < 1e-12)
        #expect(found.rank(ofEnergy: 0.6) == 1)
        #expect(found.rank(ofEnergy: 0.7) == 2)
        #expect(found.rank(ofEnergy: 1) == 2)
        let zero = SingularValueDecomposition(DoubleMatrix(rows: 2, columns: 2))
        #expect(zero.rank(ofEnergy: 0.9) == 0)
        #expect(zero.energy(upTo: 0) == 1)
    }

    // MARK: QR

    @Test(arguments: names)
    func qrIsThatOfLAPACKSignsIncluded(name: String) throws {
        let matrix = try matrix(name)
        let found = QRDecomposition(matrix)
        let q = found.transposedQ(found.rank)
        #expect(skewness(q) < 1e-13 * Double(found.rank + 1))
        #expect(difference(q.transposed * found.r, matrix) <= 1e-13 * matrix.squaredNorm.squareRoot())
        for row in 0..<found.r.rows {
            for column in 0..<min(row, found.r.columns) { #expect(found.r[row, column] == 0) }
        }
        // Where the rank is not full, what comes last is the luck of rounding.
        guard name != "deficient" else { return }
        let scale = max(1, matrix.largestMagnitude)
        #expect(
            Closeness.largestDifference(found.r.rounded.values, try golden.floats("\(name).r")) < 1e-5 * Float(scale))
        #expect(Closeness.largestDifference(q.rounded.values, try golden.floats("\(name).qt")) < 1e-5)
    }

    private func random(_ rows: Int, _ columns: Int, _ name: String) -> DoubleMatrix {
        var random = RandomStream(seed: 1, name: name)
        return DoubleMatrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Double(random.normal()) })
    }
}
