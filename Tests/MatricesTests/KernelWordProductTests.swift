import CKernels
import Testing

/// Products in bfloat16 and int8.
struct KernelWordProductTests {
    static let formats = [GRAFT_BFLOAT16, GRAFT_INT8]
    static let guardValue: Float = 123_456

    /// One product's operands, and all that may vary about it.
    struct Case {
        let format: GraftFormat
        let rows, columns, depth: Int
        let x, weight, start: KernelNumbers
        let bias: KernelNumbers?
        let scale: Float
        let accumulates: Bool
        let outStride: Int

        init(_ format: GraftFormat, rows: Int, columns: Int, depth: Int, using random: inout SeededNumbers) {
            (self.format, self.rows, self.columns, self.depth) = (format, rows, columns, depth)
            x = random.floats(rows * depth, in: -1...2)
            weight = random.floats(depth * columns)
            bias = Bool.random(using: &random) ? random.floats(columns) : nil
            scale = Bool.random(using: &random) ? 1 : 0.37
            accumulates = Bool.random(using: &random)
            outStride = columns + Int.random(in: 0...3, using: &random)
            start = random.floats(rows * outStride + 40)
            for i in 0..<start.count where i >= rows * outStride || i % outStride >= columns {
                start.start[i] = KernelWordProductTests.guardValue
            }
        }

        var wordCount: Int { format == GRAFT_INT8 ? (depth + 3) / 4 : (depth + 1) / 2 }

        func packed(_ kernels: GraftKernels) -> KernelNumbers {
            let packed = KernelNumbers(repeating: 0, count: kernels.packed_count(format, depth, columns))
            kernels.pack(format, weight.start, columns, 1, depth, columns, packed.start)
            return packed
        }

        /// The left side as words, rows by rows.
        func left(_ kernels: GraftKernels) -> (words: KernelNumbers, scales: [GraftRowScale]) {
            let words = KernelNumbers(repeating: 0, count: rows * wordCount)
            var scales = [GraftRowScale](repeating: GraftRowScale(), count: max(rows, 1))
            if format == GRAFT_INT8 {
                kernels.quantize_rows(x.start, depth, rows, depth, words.start, wordCount, &scales)
            } else {
                kernels.round_rows(x.start, depth, rows, depth, words.start, wordCount)
            }
            return (words, scales)
        }

        /// The product of some rows and columns. `a` is words, `aStrides` of a row and along the depth; `b` is packed if
        /// `bStride` is 0.
        func product(
            _ kernels: GraftKernels, a: KernelNumbers, aStrides: (Int, Int), scales: [GraftRowScale], b: KernelNumbers,
            bStride: Int = 0, rows someRows: [Range<Int>]? = nil, columns someColumns: [Range<Int>]? = nil
        ) -> KernelNumbers {
            let out = KernelNumbers(start.values)
            scales.withUnsafeBufferPointer { scales in
                for i in someRows ?? [0..<rows] {
                    for j in someColumns ?? [0..<columns] {
                        let first = bStride == 0 ? kernels.packed_count(format, depth, j.lowerBound) : j.lowerBound
                        var product = GraftProduct(
                            format: format, rows: i.count, columns: j.count, depth: wordCount,
                            a: a.start + i.lowerBound * aStrides.0, a_row_stride: aStrides.0,
                            a_depth_stride: aStrides.1, b: b.start + first, b_depth_stride: bStride,
                            out: out.start + i.lowerBound * outStride + j.lowerBound, out_row_stride: outStride,
                            bias: bias.map { UnsafePointer($0.start + j.lowerBound) },
                            a_scales: format == GRAFT_INT8 ? scales.baseAddress.map { $0 + i.lowerBound } : nil,
                            scale: scale, accumulate: accumulates)
                        kernels.product(&product)
                    }
                }
            }
            return out
        }

        func product(
            _ kernels: GraftKernels, rows: [Range<Int>]? = nil, columns: [Range<Int>]? = nil
        ) -> KernelNumbers {
            let left = left(kernels)
            return product(
                kernels, a: left.words, aStrides: (wordCount, 1), scales: left.scales, b: packed(kernels), rows: rows,
                columns: columns)
        }

        /// bfloat16 without packing, and with the left side transposed: both made of paired rows.
        func pairedProduct(_ kernels: GraftKernels, transposesLeft: Bool) -> KernelNumbers {
            let b = KernelNumbers(repeating: 0, count: wordCount * columns)
            kernels.round_row_pairs(weight.start, columns, depth, columns, b.start, columns)
            guard transposesLeft else {
                let a = left(kernels).words
                return product(kernels, a: a, aStrides: (wordCount, 1), scales: [], b: b, bStride: columns)
            }
            let turned = KernelNumbers(repeating: 0, count: depth * rows)
            for i in 0..<rows {
                for k in 0..<depth { turned.start[k * rows + i] = x.start[i * depth + k] }
            }
            let a = KernelNumbers(repeating: 0, count: wordCount * rows)
            kernels.round_row_pairs(turned.start, rows, depth, rows, a.start, rows)
            return product(kernels, a: a, aStrides: (1, rows), scales: [], b: b, bStride: columns)
        }
    }

    /// In Double, of the operands as they are before they are rounded, with how far rounding may move the sum.
    private func exact(_ one: Case, _ i: Int, _ j: Int) -> (value: Double, allowed: Double) {
        let a = (0..<one.depth).map { Double(one.x.start[i * one.depth + $0]) }
        let b = (0..<one.depth).map { Double(one.weight.start[$0 * one.columns + j]) }
        let isInt8 = one.format == GRAFT_INT8
        let aStep = (max(a.max() ?? 0, 0) - min(a.min() ?? 0, 0)) / 255, bStep = (b.map(abs).max() ?? 0) / 127
        var sum = 0.0, allowed = 1e-6
        for (x, w) in zip(a, b) {
            sum += x * w
            // A whole step of a byte (its own rounding and the zero point's), half a step of a weight; 2⁻⁹ of a bfloat16.
            let aError = isInt8 ? 1.001 * aStep : abs(x) / 256, bError = isInt8 ? 0.501 * bStep : abs(w) / 256
            allowed += aError * abs(w) + bError * abs(x) + aError * bError + 1e-6 * abs(x * w)
        }
        let at = i * one.outStride + j
        let addend = Double(one.bias?.start[j] ?? 0) + (one.accumulates ? Double(one.start.start[at]) : 0)
        return (Double(one.scale) * sum + addend, allowed)
    }

    @Test(arguments: formats)
    func theReferenceIsTheSumInDoubleUpToRounding(format: GraftFormat) {
        var random = SeededNumbers(seed: 50)
        for (rows, columns, depth) in [(1, 1, 1), (3, 5, 7), (4, 9, 64), (2, 3, 0), (7, 1, 301), (2, 2, 2), (2, 2, 3)] {
            for _ in 0..<8 {
                let one = Case(format, rows: rows, columns: columns, depth: depth, using: &random)
                let found = one.product(KernelPath.reference.kernels)
                for i in 0..<rows {
                    for j in 0..<columns {
                        let (value, allowed) = exact(one, i, j)
                        #expect(abs(Double(found.start[i * one.outStride + j]) - value) <= allowed)
                    }
                }
            }
        }
    }

    /// Whole numbers that both formats hold: nothing is lost, so the product is exact.
    @Test(arguments: formats, KernelPath.all)
    func whatTheFormatHoldsIsMultipliedExactly(format: GraftFormat, path: KernelPath) {
        var random = SeededNumbers(seed: 51)
        for (rows, columns, depth) in [(3, 5, 8), (13, 70, 33), (2, 130, 127)] {
            let one = Case(format, rows: rows, columns: columns, depth: depth, using: &random)
            for i in 0..<one.x.count { one.x.start[i] = Float(Int.random(in: -100...155, using: &random)) }
            for i in 0..<one.weight.count { one.weight.start[i] = Float(Int.random(in: -127...127, using: &random)) }
            // Both ends of the range in every row and column, so that the steps are 1.
            for i in 0..<rows { (one.x.start[i * depth], one.x.start[i * depth + 1]) = (-100, 155) }
            for j in 0..<columns { one.weight.start[j] = 127 }
            let found = one.product(path.kernels)
            for i in 0..<rows {
                for j in 0..<columns {
                    let (value, _) = exact(one, i, j)
                    #expect(abs(Double(found.start[i * one.outStride + j]) - value) <= 1e-6 * (1 + abs(value)))
                }
            }
        }
    }

    /// Ragged sizes on both sides of every tile's edge.
    @Test(arguments: formats, KernelPath.fast)
    func everyPathHasTheBitsOfTheReferenceAndWritesNothingElse(format: GraftFormat, path: KernelPath) {
        let (reference, kernels) = (KernelPath.reference.kernels, path.kernels)
        let isSame = format == GRAFT_INT8 || kernels.chains_bfloat16
        func agree(_ found: KernelNumbers, _ expected: KernelNumbers) -> Bool {
            isSame ? found.bits == expected.bits : largestDifference(found.values, expected.doubles) < 1e-4
        }
        var random = SeededNumbers(seed: 52)
        for rows in 0...14 {
            for columns in 0...70 {
                for depth in [0, 1, 3, 18] {
                    let one = Case(format, rows: rows, columns: columns, depth: depth, using: &random)
                    let expected = one.product(reference)
                    #expect(agree(one.product(kernels), expected), "packed, \(rows) × \(depth) × \(columns)")
                    if format == GRAFT_BFLOAT16 {
                        let isTransposed = columns % 2 == 0
                        #expect(
                            agree(one.pairedProduct(kernels, transposesLeft: isTransposed), expected),
                            "direct, \(rows) × \(depth) × \(columns)")
                    }
                }
            }
        }
        // The last has more rows than one block of them.
        for (rows, columns, depth) in [(37, 200, 131), (8, 384, 100), (100, 8, 384), (130, 33, 2500)] {
            let one = Case(format, rows: rows, columns: columns, depth: depth, using: &random)
            #expect(agree(one.product(kernels), one.product(reference)))
        }
    }

    @Test(arguments: formats, KernelPath.all)
    func rowsAndColumnsMayBeSharedAtWill(format: GraftFormat, path: KernelPath) {
        let kernels = path.kernels
        var random = SeededNumbers(seed: 53)
        let width = kernels.panel_width
        for depth in [1, 24, 30] {
            let one = Case(format, rows: 29, columns: 2 * width + 21, depth: depth, using: &random)
            let cut = one.product(
                kernels, rows: [0..<1, 1..<8, 8..<19, 19..<29],
                columns: [0..<width, width..<2 * width, 2 * width..<one.columns])
            #expect(cut.bits == one.product(kernels).bits)
        }
    }

    @Test(arguments: formats, KernelPath.all)
    func whatIsNotANumberSpoilsItsOwnRowAndColumnAlone(format: GraftFormat, path: KernelPath) {
        var random = SeededNumbers(seed: 54)
        for special in [Float.nan, .infinity] {
            let one = Case(format, rows: 9, columns: 40, depth: 37, using: &random)
            one.x.start[3 * 37 + 5] = special
            one.weight.start[36 * 40 + 17] = special
            let found = one.product(path.kernels)
            for i in 0..<9 {
                for j in 0..<40 {
                    #expect(found.start[i * one.outStride + j].isFinite == (i != 3 && j != 17))
                }
            }
        }
    }

    @Test(arguments: formats, KernelPath.all)
    func packingTransposesByItsStrides(format: GraftFormat, path: KernelPath) {
        let kernels = path.kernels
        var random = SeededNumbers(seed: 55)
        for (depth, columns) in [(1, 1), (5, 3), (32, 57), (17, 130), (70, 64)] {
            let b = random.floats(depth * columns)
            let turned = KernelNumbers(repeating: 0, count: depth * columns)
            for k in 0..<depth {
                for j in 0..<columns { turned.start[j * depth + k] = b.start[k * columns + j] }
            }
            let count = kernels.packed_count(format, depth, columns)
            let (one, other) = (
                KernelNumbers(repeating: Self.guardValue, count: count + 20),
                KernelNumbers(repeating: Self.guardValue, count: count + 20)
            )
            kernels.pack(format, b.start, columns, 1, depth, columns, one.start)
            kernels.pack(format, turned.start, 1, depth, depth, columns, other.start)
            #expect(one.bits == other.bits)
            // Every second number of a matrix twice as large.
            let sparse = KernelNumbers(repeating: 0, count: 2 * depth * columns)
            for k in 0..<depth * columns { sparse.start[2 * k] = b.start[k] }
            kernels.pack(format, sparse.start, 2 * columns, 2, depth, columns, other.start)
            #expect(one.bits == other.bits)
            #expect(one.values.suffix(20).allSatisfy { $0 == Self.guardValue })
            #expect(!one.values.prefix(count).contains(Self.guardValue))
        }
    }

    @Test(arguments: KernelPath.all)
    func theCeilingLoopCountsWhatItDoes(path: KernelPath) {
        for format in [GRAFT_FLOAT32, GRAFT_BFLOAT16, GRAFT_INT8] {
            let once = path.kernels.ceiling(format, 1)
            #expect(once > 0)
            #expect(path.kernels.ceiling(format, 100) == 100 * once)
        }
    }
}
