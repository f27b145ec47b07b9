import Matrices
import Testing

@Suite struct MatrixTests {
    @Test func aCopyKeepsItsNumbersWhenTheOriginalChanges() {
        var original = Matrix(rows: 2, columns: 2, values: [1, 2, 3, 4])
        let copy = original
        original[0, 1] = 9
        #expect(copy.values == [1, 2, 3, 4])
        #expect(original.values == [1, 9, 3, 4])
    }

    @Test func zerosAreZerosAlsoInRecycledStorage() {
        for _ in 0..<3 {
            var used = Matrix(rows: 40, columns: 40, values: [Float](repeating: 7, count: 1600))
            used[0, 0] = 8
        }
        #expect(Matrix(rows: 40, columns: 40).values.allSatisfy { $0 == 0 })
    }

    @Test func additionIsElementWiseAndScaled() {
        var sum = Matrix(rows: 1, columns: 3, values: [1, 2, 3])
        sum.add(Matrix(rows: 1, columns: 3, values: [10, 20, 30]), scale: 0.5)
        #expect(sum.values == [6, 12, 18])
    }

    @Test func normalizedRowsHaveLengthOneAndZerosStay() {
        var matrix = Matrix(rows: 2, columns: 2, values: [3, 4, 0, 0])
        matrix.normalizeRows()
        #expect(matrix.values == [0.6, 0.8, 0, 0])
    }

    @Test func droppedElementsAreTheSameInTheBackwardAndTheRestIsScaled() {
        var x = Matrix(rows: 50, columns: 40, values: [Float](repeating: 1, count: 2000))
        var dy = x
        x.drop(Matrix.Mask(rate: 0.25, key: 42, firstRow: 0))
        dy.drop(Matrix.Mask(rate: 0.25, key: 42, firstRow: 0))
        #expect(x == dy)
        #expect(Set(x.values) == [0, 1 / 0.75])
        #expect(abs(x.values.count { $0 == 0 } - 500) < 100)
    }
}
