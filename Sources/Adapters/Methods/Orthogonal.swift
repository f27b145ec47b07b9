import Matrices

/// Orthogonal matrices of skew-symmetric ones, block by block: what OFT and BOFT are parametrized by. Blocks lie one below the
/// other, [count · size, size].
enum Orthogonal {
    /// R = (I − S)(I + S)⁻¹ of each block S: Cayley's transform, exact.
    static func cayley(_ skew: Matrix) -> Matrix {
        let size = skew.columns
        var rotation = Matrix(uninitializedRows: skew.rows, columns: size)
        skew.withView { skew in
            rotation.withMutableView { rotation in
                for first in stride(from: 0, to: skew.rows, by: size) {
                    cayley(skew.rows(first..<first + size), into: rotation.rows(first..<first + size))
                }
            }
        }
        return rotation
    }

    /// With M = (I + S)⁻¹, R = 2M − I. M is found by elimination, in Double; I + S is never singular, its eigenvalues being 1
    /// and something imaginary.
    private static func cayley(_ skew: MatrixView, into rotation: MatrixView) {
        let size = skew.columns
        // [I + S | I], row by row.
        var work = [Double](repeating: 0, count: size * 2 * size)
        for row in 0..<size {
            for column in 0..<size { work[row * 2 * size + column] = Double(skew.base[row * skew.rowStride + column]) }
            work[row * 2 * size + row] += 1
            work[row * 2 * size + size + row] = 1
        }
        let width = 2 * size
        work.withUnsafeMutableBufferPointer { work in
            for pivot in 0..<size {
                let best = (pivot..<size).max { abs(work[$0 * width + pivot]) < abs(work[$1 * width + pivot]) } ?? pivot
                if best != pivot {
                    for column in 0..<width { work.swapAt(best * width + column, pivot * width + column) }
                }
                let factor = 1 / work[pivot * width + pivot]
                for column in 0..<width { work[pivot * width + column] *= factor }
                for row in 0..<size where row != pivot {
                    let factor = work[row * width + pivot]
                    if factor == 0 { continue }
                    for column in 0..<width { work[row * width + column] -= factor * work[pivot * width + column] }
                }
            }
            for row in 0..<size {
                for column in 0..<size {
                    let inverse = 2 * work[row * width + size + column] - (row == column ? 1 : 0)
                    rotation.base[row * rotation.rowStride + column] = Float(inverse)
                }
            }
        }
    }

    /// dS = −2 Mᵀ dR Mᵀ with M = (R + I) / 2, of each block.
    static func cayleyPullback(_ dRotation: Matrix, _ rotation: Matrix) -> Matrix {
        forEachBlock(of: dRotation, rotation) { dRotation, rotation in
            var inverse = rotation.transposed()
            for index in 0..<inverse.rows { inverse[index, index] += 1 }
            // −2 · ½ · ½
            return Matrix.product(Matrix.product(inverse, dRotation), inverse, scale: -0.5)
        }
    }

    /// Coefficients of the powers of S from 0 on, by which PEFT approximates Cayley's transform with `terms` terms: those of
    /// (I + S)(I − S)⁻¹ = I + 2S + 2S² + …, the last halved. Where PEFT has three terms it computes four.
    static func neumannCoefficients(terms: Int) -> [Float] {
        switch terms {
        case ...1: [1]
        case 2: [1, 2]
        default: [1] + [Float](repeating: 2, count: max(terms, 4) - 2) + [1]
        }
    }

    /// R = Σ cₖ Sᵏ of each block S.
    static func polynomial(_ skew: Matrix, _ coefficients: [Float]) -> Matrix {
        forEachBlock(of: skew, skew) { skew, _ in horner(skew, coefficients)[0] }
    }

    /// dS of R = Σ cₖ Sᵏ, of each block: Horner's steps T = cₖ I + S T′ walked back.
    static func polynomialPullback(_ dRotation: Matrix, _ skew: Matrix, _ coefficients: [Float]) -> Matrix {
        forEachBlock(of: dRotation, skew) { dRotation, skew in
            let steps = horner(skew, coefficients)
            let transposed = skew.transposed()
            var (dStep, dSkew) = (dRotation, Matrix(rows: skew.rows, columns: skew.columns))
            for step in steps.dropFirst() {
                // T = c I + S T′: dS += dT T′ᵀ, dT′ = Sᵀ dT
                dSkew.add(Matrix.product(dStep, step.transposed()))
                dStep = Matrix.product(transposed, dStep)
            }
            return dSkew
        }
    }

    /// Horner's intermediate results, the last first.
    private static func horner(_ skew: Matrix, _ coefficients: [Float]) -> [Matrix] {
        var steps: [Matrix] = []
        for coefficient in coefficients.reversed() {
            var step = steps.last.map { Matrix.product(skew, $0) } ?? Matrix(rows: skew.rows, columns: skew.columns)
            for index in 0..<step.rows { step[index, index] += coefficient }
            steps.append(step)
        }
        return steps.reversed()
    }

    private static func forEachBlock(of a: Matrix, _ b: Matrix, _ body: (Matrix, Matrix) -> Matrix) -> Matrix {
        let size = a.columns
        var out = Matrix(uninitializedRows: a.rows, columns: size)
        for first in stride(from: 0, to: a.rows, by: size) {
            let range = first..<first + size
            let block = body(a.rows(range), b.rows(range))
            out.withMutableView { out in block.withView { out.rows(range).copy($0) } }
        }
        return out
    }

    /// Skew-symmetric blocks of which each row of `values` has the numbers above the diagonal, row after row.
    static func skew(_ values: Matrix, size: Int) -> Matrix {
        var skew = Matrix(rows: values.rows * size, columns: size)
        for block in 0..<values.rows {
            forEachPair(size) { index, row, column in
                skew[block * size + row, column] = values[block, index]
                skew[block * size + column, row] = -values[block, index]
            }
        }
        return skew
    }

    /// The gradient of these numbers, from that of the blocks.
    static func skewPullback(_ dSkew: Matrix) -> Matrix {
        let size = dSkew.columns
        var values = Matrix(uninitializedRows: dSkew.rows / size, columns: size * (size - 1) / 2)
        for block in 0..<values.rows {
            forEachPair(size) { index, row, column in
                values[block, index] = dSkew[block * size + row, column] - dSkew[block * size + column, row]
            }
        }
        return values
    }

    private static func forEachPair(_ size: Int, _ body: (_ index: Int, _ row: Int, _ column: Int) -> Void) {
        var index = 0
        for row in 0..<size {
            for column in row + 1..<max(size, row + 1) {
                body(index, row, column)
                index += 1
            }
        }
    }
}
