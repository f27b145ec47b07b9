import CKernels
import Testing

struct KernelProductTests {
    /// One product's operands, and all that may vary about it.
    struct Case {
        let rows, columns, depth: Int
        let isTransposed: Bool
        let scale: Float
        let accumulates: Bool
        let a, b, start: KernelNumbers
        let bias: KernelNumbers?
        let aStride, bStride, outStride: Int

        static let guardValue: Float = 123_456

        init(rows: Int, columns: Int, depth: Int, using numbers: inout SeededNumbers) {
            (self.rows, self.columns, self.depth) = (rows, columns, depth)
            isTransposed = Bool.random(using: &numbers)
            scale = Bool.random(using: &numbers) ? 1 : 0.37
            accumulates = Bool.random(using: &numbers)
            aStride = (isTransposed ? rows : depth) + Int.random(in: 0...2, using: &numbers)
            bStride = columns + Int.random(in: 1...3, using: &numbers)
            outStride = columns + Int.random(in: 0...3, using: &numbers)
            a = numbers.floats((isTransposed ? depth : rows) * aStride)
            b = numbers.floats(depth * bStride)
            bias = Bool.random(using: &numbers) ? numbers.floats(columns) : nil
            start = numbers.floats(rows * outStride + 40)
            for i in 0..<start.count where i >= rows * outStride || i % outStride >= columns {
                start.start[i] = Self.guardValue
            }
        }

        func element(_ i: Int, _ k: Int) -> Float {
            isTransposed ? a.start[k * aStride + i] : a.start[i * aStride + k]
        }

        /// The product of some rows and columns, into a copy of `start`. `b` is packed unless `packed` is nil.
        func product(
            _ kernels: GraftKernels, packed: KernelNumbers?, rows some: [Range<Int>], columns cut: [Range<Int>]
        )
            -> KernelNumbers
        {
            let out = KernelNumbers(start.values)
            for i in some {
                for j in cut {
                    var product = GraftProduct(
                        format: GRAFT_FLOAT32, rows: i.count, columns: j.count, depth: depth,
                        a: a.start + i.lowerBound * (isTransposed ? 1 : aStride),
                        a_row_stride: isTransposed ? 1 : aStride, a_depth_stride: isTransposed ? aStride : 1,
                        b: packed.map { $0.start + j.lowerBound * depth } ?? b.start + j.lowerBound,
                        b_depth_stride: packed == nil ? bStride : 0,
                        out: out.start + i.lowerBound * outStride + j.lowerBound, out_row_stride: outStride,
                        bias: bias.map { UnsafePointer($0.start + j.lowerBound) }, a_scales: nil,
                        scale: scale, accumulate: accumulates)
                    kernels.product(&product)
                }
            }
            return out
        }

        func product(_ kernels: GraftKernels, packed: KernelNumbers? = nil) -> KernelNumbers {
            product(kernels, packed: packed, rows: [0..<rows], columns: [0..<columns])
        }

        func packed(_ kernels: GraftKernels) -> KernelNumbers {
            let packed = KernelNumbers(repeating: 0, count: kernels.packed_count(GRAFT_FLOAT32, depth, columns))
            kernels.pack(GRAFT_FLOAT32, b.start, bStride, 1, depth, columns, packed.start)
            return packed
        }
    }

    @Test func theReferenceIsTheSumInDouble() {
        var numbers = SeededNumbers(seed: 1)
        for (rows, columns, depth) in [(1, 1, 1), (3, 5, 7), (4, 9, 64), (2, 3, 0), (7, 1, 300)] {
            for _ in 0..<8 {
                let one = Case(rows: rows, columns: columns, depth: depth, using: &numbers)
                let found = one.product(KernelPath.reference.kernels)
                for i in 0..<rows {
                    for j in 0..<columns {
                        let at = i * one.outStride + j
                        let sum = (0..<depth).reduce(0.0) {
                            $0 + Double(one.element(i, $1)) * Double(one.b.start[$1 * one.bStride + j])
                        }
                        let expected =
                            Double(one.scale) * sum + Double(one.bias?.start[j] ?? 0)
                            + (one.accumulates ? Double(one.start.start[at]) : 0)
                        #expect(abs(Double(found.start[at]) - expected) <= 1e-6 * Double(depth + 4))
                    }
                }
            }
        }
    }

    /// Ragged sizes on both sides of every tile's edge, each with strides, layout, bias, scale and accumulation drawn.
    @Test(arguments: KernelPath.fast)
    func everyPathHasTheBitsOfTheReferenceAndWritesNothingElse(path: KernelPath) {
        let (reference, kernels) = (KernelPath.reference.kernels, path.kernels)
        var numbers = SeededNumbers(seed: 2)
        for rows in 0...14 {
            for columns in 0...70 {
                for depth in [0, 1, 2, 9] {
                    let one = Case(rows: rows, columns: columns, depth: depth, using: &numbers)
                    let expected = one.product(reference).bits
                    #expect(
                        one.product(kernels).bits == expected, "direct, \(rows) × \(depth) × \(columns)")
                    #expect(
                        one.product(kernels, packed: one.packed(kernels)).bits == expected,
                        "packed, \(rows) × \(depth) × \(columns)")
                }
            }
        }
    }

    @Test(arguments: KernelPath.fast)
    func largerProductsHaveTheBitsOfTheReference(path: KernelPath) {
        var numbers = SeededNumbers(seed: 3)
        // The last has more rows than one block of them.
        for (rows, columns, depth) in [(37, 200, 131), (8, 384, 100), (100, 8, 384), (90, 33, 1600)] {
            let one = Case(rows: rows, columns: columns, depth: depth, using: &numbers)
            let expected = one.product(KernelPath.reference.kernels).bits
            #expect(one.product(path.kernels).bits == expected)
            #expect(one.product(path.kernels, packed: one.packed(path.kernels)).bits == expected)
        }
    }

    @Test(arguments: KernelPath.all)
    func rowsAndColumnsMayBeSharedAtWill(path: KernelPath) {
        let kernels = path.kernels
        var numbers = SeededNumbers(seed: 4)
        let width = kernels.panel_width
        for _ in 0..<6 {
            let one = Case(rows: 29, columns: 2 * width + 21, depth: 24, using: &numbers)
            let expected = one.product(kernels).bits
            let rows = [0..<1, 1..<8, 8..<19, 19..<29]
            let direct = one.product(
                kernels, packed: nil, rows: rows, columns: [0..<5, 5..<width + 7, width + 7..<one.columns])
            #expect(direct.bits == expected)
            let packed = one.product(
                kernels, packed: one.packed(kernels), rows: rows,
                columns: [0..<width, width..<2 * width, 2 * width..<one.columns])
            #expect(packed.bits == expected)
        }
    }

    @Test(arguments: KernelPath.all)
    func packingTransposesByItsStrides(path: KernelPath) {
        let kernels = path.kernels
        var numbers = SeededNumbers(seed: 5)
        for (depth, columns) in [(1, 1), (5, 3), (32, 57), (17, 130)] {
            let b = numbers.floats(depth * columns)
            let transposed = KernelNumbers(repeating: 0, count: depth * columns)
            for k in 0..<depth {
                for j in 0..<columns {
                    transposed.start[j * depth + k] = b.start[k * columns + j]
                }
            }
            let count = kernels.packed_count(GRAFT_FLOAT32, depth, columns)
            let plain = KernelNumbers(repeating: Case.guardValue, count: count + 20)
            let turned = KernelNumbers(repeating: Case.guardValue, count: count + 20)
            kernels.pack(GRAFT_FLOAT32, b.start, columns, 1, depth, columns, plain.start)
            kernels.pack(GRAFT_FLOAT32, transposed.start, 1, depth, depth, columns, turned.start)
            #expect(plain.bits == turned.bits)
            #expect(plain.values.suffix(20).allSatisfy { $0 == Case.guardValue })
            #expect(!plain.values.prefix(count).contains(Case.guardValue))
        }
    }
}
