import CKernels
import Testing

/// float32 → bfloat16 and → bytes: the reference against what rounding means, every path against the reference.
struct KernelRoundingTests {
    static let guardValue: Float = 123_456

    /// What is special about rounding, and random numbers of all magnitudes.
    private func numbers(_ count: Int, seed: UInt64) -> KernelNumbers {
        var random = SeededNumbers(seed: seed)
        let special: [Float] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNormalMagnitude.nextDown,
            .leastNormalMagnitude, .greatestFiniteMagnitude, Float(bitPattern: 0x3f80_8000),
            Float(bitPattern: 0x3f81_8000), Float(bitPattern: 0x3f80_8001), Float(bitPattern: 0x3f80_7fff),
            Float(bitPattern: 0x7f80_0001), Float(bitPattern: 0xff7f_8000),
        ]
        return KernelNumbers(
            (0..<count).map { _ in
                Bool.random(using: &random)
                    ? special[Int.random(in: 0..<special.count, using: &random)]
                    : Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            })
    }

    private func rounded(_ kernels: GraftKernels, _ x: KernelNumbers, rows: Int, columns: Int, stride: Int)
        -> KernelNumbers
    {
        let width = (columns + 1) / 2 + 1
        let words = KernelNumbers(repeating: Self.guardValue, count: rows * width + 20)
        kernels.round_rows(x.start, stride, rows, columns, words.start, width)
        return words
    }

    @Test func roundingGoesToTheNearestAndFromTiesToEven() {
        let x = numbers(20_000, seed: 40)
        let words = rounded(KernelPath.reference.kernels, x, rows: 1, columns: x.count, stride: x.count).bits
        for (index, value) in x.values.enumerated() {
            let half = words[index / 2] >> (index % 2 == 0 ? 0 : 16) & 0xffff
            let found = Float(bitPattern: half << 16)
            if value.isNaN {
                #expect(found.isNaN)
            } else if value.isSubnormal {
                #expect(found == 0 && found.sign == value.sign)
            } else {
                // The neighbours in bfloat16, the upper one perhaps infinite.
                let lower = value.bitPattern & 0xffff_0000
                let toLower = UInt64(value.bitPattern - lower), toUpper = UInt64(0x1_0000) - toLower
                let goesUp = toLower > toUpper || toLower == toUpper && lower & 0x1_0000 != 0
                #expect(found.bitPattern == (goesUp && value.isFinite ? lower + 0x1_0000 : lower))
            }
        }
    }

    @Test(arguments: KernelPath.fast)
    func everyPathRoundsAsTheReferenceAndWritesNothingElse(path: KernelPath) {
        for columns in 0...70 {
            for rows in [0, 1, 2, 3] {
                let stride = columns + rows
                let x = numbers(rows * stride + 1, seed: UInt64(100 * columns + rows))
                let found = rounded(path.kernels, x, rows: rows, columns: columns, stride: stride)
                let expected = rounded(KernelPath.reference.kernels, x, rows: rows, columns: columns, stride: stride)
                #expect(found.bits == expected.bits)
            }
        }
    }

    @Test(arguments: KernelPath.all)
    func pairedRowsHoldTheSameNumbersAsRoundedRows(path: KernelPath) {
        for (rows, columns) in [(0, 3), (1, 1), (2, 16), (3, 17), (8, 70), (5, 33)] {
            let stride = columns + 2
            let x = numbers(rows * stride, seed: 41)
            let plain = rounded(KernelPath.reference.kernels, x, rows: rows, columns: columns, stride: stride).bits
            let words = KernelNumbers(repeating: Self.guardValue, count: (rows + 1) / 2 * (columns + 1) + 20)
            path.kernels.round_row_pairs(x.start, stride, rows, columns, words.start, columns + 1)
            let found = words.bits
            func element(_ row: Int, _ column: Int) -> UInt32 {
                row < rows
                    ? plain[row * ((columns + 1) / 2 + 1) + column / 2] >> (column % 2 == 0 ? 0 : 16) & 0xffff : 0
            }
            for pair in 0..<(rows + 1) / 2 {
                for column in 0..<columns {
                    let expected = element(2 * pair, column) | element(2 * pair + 1, column) << 16
                    #expect(found[pair * (columns + 1) + column] == expected)
                }
                #expect(found[pair * (columns + 1) + columns] == Self.guardValue.bitPattern)
            }
            #expect(found.suffix(20).allSatisfy { $0 == Self.guardValue.bitPattern })
        }
    }

    private struct Quantized: Equatable {
        let words, scales: [UInt32]
        let zeros: [Int32]

        init(_ kernels: GraftKernels, _ x: KernelNumbers, rows: Int, columns: Int, stride: Int) {
            let words = KernelNumbers(
                repeating: KernelRoundingTests.guardValue, count: rows * ((columns + 3) / 4 + 1) + 20)
            var scales = [GraftRowScale](repeating: GraftRowScale(scale: -1, zero: -1), count: rows + 1)
            kernels.quantize_rows(x.start, stride, rows, columns, words.start, (columns + 3) / 4 + 1, &scales)
            self.words = words.bits
            // All that is not a number is equal here.
            self.scales = scales.map { $0.scale.isNaN ? Float.nan.bitPattern : $0.scale.bitPattern }
            zeros = scales.map(\.zero)
        }

        func byte(_ row: Int, _ column: Int, columns: Int) -> Int32 {
            Int32(words[row * ((columns + 3) / 4 + 1) + column / 4] >> (8 * (column % 4)) & 0xff)
        }
    }

    @Test func quantizingIsWithinHalfAStepAndZeroIsExact() {
        var random = SeededNumbers(seed: 42)
        for (low, high) in [(-1.0, 1.0), (0.0, 3.0), (-2.0, -1.0), (1e-30, 2e-30), (-1e-3, 1e6)] as [(Float, Float)] {
            for columns in [1, 2, 5, 64, 385] {
                let x = random.floats(4 * columns, in: low...high)
                for row in 0..<4 { x.start[row * columns + row % columns] = 0 }
                let found = Quantized(
                    KernelPath.reference.kernels, x, rows: 4, columns: columns, stride: columns)
                for row in 0..<4 {
                    let scale = Double(Float(bitPattern: found.scales[row]))
                    #expect((0...255).contains(found.zeros[row]))
                    for column in 0..<columns {
                        let value = Double(x.start[row * columns + column])
                        let meant = scale * Double(found.byte(row, column, columns: columns) - found.zeros[row])
                        // At the ends of the range the zero point's rounding adds up to another half.
                        #expect(abs(meant - value) <= scale * 1.001)
                        #expect(value != 0 || meant == 0)
                    }
                }
            }
        }
    }

    @Test(arguments: KernelPath.fast)
    func everyPathQuantizesAsTheReferenceAndWritesNothingElse(path: KernelPath) {
        var random = SeededNumbers(seed: 43)
        for columns in 0...70 {
            for rows in [0, 1, 3] {
                let stride = columns + rows
                let bound = Float.random(in: 0...2, using: &random)
                let x = random.floats(rows * stride + 1, in: -bound...1)
                if columns % 5 == 1 { x.start[0] = 0.5 }
                let found = Quantized(path.kernels, x, rows: rows, columns: columns, stride: stride)
                let reference = KernelPath.reference.kernels
                #expect(found == Quantized(reference, x, rows: rows, columns: columns, stride: stride))
            }
        }
    }

    @Test(arguments: KernelPath.all)
    func rowsThatCannotBeQuantizedAreZeroOrNotNumbers(path: KernelPath) {
        for (special, isZero) in [
            (Float(0), true), (.leastNonzeroMagnitude, true), (1e-36, true), (.nan, false), (.infinity, false),
            (-.infinity, false),
        ] {
            for columns in [1, 15, 16, 40] {
                let x = KernelNumbers(repeating: isZero ? special : 0.5, count: columns)
                x.start[columns / 2] = special
                let found = Quantized(path.kernels, x, rows: 1, columns: columns, stride: columns)
                let scale = Float(bitPattern: found.scales[0])
                #expect(isZero ? scale == 0 : scale.isNaN)
                #expect(found.zeros[0] == 0)
                #expect(found.words.prefix((columns + 3) / 4).allSatisfy { $0 == 0 })
            }
        }
    }
}
