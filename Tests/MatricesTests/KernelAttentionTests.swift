import CKernels
import Testing

/// Attention, forward and backward: every path against Double, all fast paths against each other, bit for bit.
@Suite struct KernelAttentionTests {
    /// Lengths on both sides of every edge, with each width, several heads, and dropout every other time.
    static let cases: [AttentionCase] =
        (1...70).map {
            AttentionCase(
                length: $0, heads: $0 % 3 + 1, width: [8, 32, 64][$0 / 3 % 3], rate: $0 % 2 == 0 ? 0 : 0.25)
        } + [
            AttentionCase(length: 5, heads: 2, width: 7, rate: 0.1),
            AttentionCase(length: 33, heads: 1, width: 1, rate: 0),
            AttentionCase(length: 40, heads: 1, width: 45, rate: 0.5),
            AttentionCase(length: 255, heads: 1, width: 32, rate: 0.1),
            AttentionCase(length: 512, heads: 1, width: 8, rate: 0.1),
        ] + biasedAndLimited

    /// With a bias, with a reach, and with both, so that windows begin and end within the text, at its ends and beyond.
    static let biasedAndLimited: [AttentionCase] = {
        var cases = [
            AttentionCase(length: 300, heads: 2, width: 16, rate: 0.1, bias: .ofDistances),
            AttentionCase(length: 301, heads: 2, width: 16, rate: 0.1, bias: .ofPlaces),
            AttentionCase(length: 300, heads: 2, width: 16, rate: 0, bias: .ofDistances, reach: 20),
            AttentionCase(length: 333, heads: 1, width: 8, rate: 0.2, reach: 64),
            AttentionCase(length: 450, heads: 1, width: 8, rate: 0, reach: 0),
            AttentionCase(length: 601, heads: 1, width: 4, rate: 0.1, reach: 150),
        ]
        for length in [1, 2, 5, 16, 17, 33, 64, 70] {
            let rate: Float = length % 2 == 0 ? 0 : 0.25
            for bias in [AttentionCase.Bias.ofDistances, .ofPlaces] {
                cases.append(AttentionCase(length: length, heads: 2, width: 8, rate: rate, bias: bias))
            }
            for reach in [0, 1, 7, length - 1, length] {
                cases.append(
                    AttentionCase(
                        length: length, heads: 2, width: 8, rate: rate, bias: reach == 7 ? .none : .ofDistances,
                        reach: reach))
            }
        }
        return cases
    }()

    /// The largest |found − expected|, as a share of the largest |expected|.
    static func error(_ found: [Float], _ expected: [Double]) -> Double {
        let size = expected.reduce(1e-30) { max($0, abs($1)) }
        return zip(found, expected).reduce(0) {
            let difference = abs(Double($1.0) - $1.1) / size
            return difference.isNaN ? .infinity : max($0, difference)
        }
    }

    @Test(arguments: [GRAFT_FLOAT32, GRAFT_BFLOAT16])
    func everyPathIsTheFormulaInDouble(format: GraftFormat) {
        for var attention in Self.cases {
            attention.format = format
            let expected = attention.expected
            // float32 loses as much as its sums are long; bfloat16 has 8 bits, so that a factor is off by 2⁻⁹.
            let allowed = format == GRAFT_FLOAT32 ? 3e-6 : 2.5e-2
            for path in KernelPath.all {
                let (found, wroteBetween) = attention.results(of: path.kernels)
                #expect(!wroteBetween, "\(attention)")
                for (index, result) in found.all.enumerated() {
                    // The weight of a single token is 1, and no score can change it.
                    let isAlone = attention.length == 1 || attention.reach == 0
                    let isZero = isAlone && [1, 2, 4].contains(index)
                    let error =
                        isZero ? result.reduce(0) { max($0, Double(abs($1))) } : Self.error(result, expected[index])
                    #expect(error < allowed, "result \(index) of \(attention), \(path.testDescription)")
                }
            }
        }
    }

    @Test(arguments: [GRAFT_FLOAT32, GRAFT_BFLOAT16])
    func allFastPathsHaveTheSameBits(format: GraftFormat) {
        for var attention in Self.cases {
            attention.format = format
            let paths = KernelPath.fast.filter { format == GRAFT_FLOAT32 || $0.kernels.chains_bfloat16 }
            let found = paths.map { attention.results(of: $0.kernels).results }
            for (path, results) in zip(paths, found) {
                #expect(results == found[0], "\(attention), \(path.testDescription)")
            }
        }
    }

    @Test(arguments: KernelPath.fast, [GRAFT_FLOAT32, GRAFT_BFLOAT16])
    func aHeadDoesNotDependOnThoseBesideIt(path: KernelPath, format: GraftFormat) {
        for (length, rate) in [(3, Float(0)), (20, 0.1), (67, 0.1), (300, 0)] {
            let attention = AttentionCase(
                length: length, heads: 3, width: 32, rate: rate, format: format,
                bias: length == 67 ? .ofPlaces : .ofDistances,
                reach: length == 300 ? 40 : nil)
            let together = attention.results(of: path.kernels).results.all
            for head in 0..<3 {
                let (alone, wroteBetween) = attention.results(of: path.kernels, heads: head..<head + 1)
                #expect(!wroteBetween)
                for (all, one) in zip(together, alone.all).prefix(4) {
                    let starts: [Int] = (0..<length).map { $0 * 96 + head * 32 }
                    let share: [Float] = starts.flatMap { all[$0..<$0 + 32] }
                    #expect(share == one)
                }
            }
        }
    }

    @Test(arguments: KernelPath.all, [GRAFT_FLOAT32, GRAFT_BFLOAT16])
    func aGradientDoesNotDependOnWhichOthersAreWanted(path: KernelPath, format: GraftFormat) {
        for rate in [Float(0), 0.3] {
            let attention = AttentionCase(length: 21, heads: 2, width: 8, rate: rate, format: format)
            let whole = attention.results(of: path.kernels).results
            let untouched = [Float](repeating: AttentionCase.guardNumber, count: whole.context.count)
            for choice in 0..<8 {
                let wanted = AttentionCase.Wanted(query: choice & 1 > 0, key: choice & 2 > 0, value: choice & 4 > 0)
                let found = attention.results(of: path.kernels, wanted: wanted).results
                #expect(found.dQuery == (wanted.query ? whole.dQuery : untouched))
                #expect(found.dKey == (wanted.key ? whole.dKey : untouched))
                #expect(found.dValue == (wanted.value ? whole.dValue : untouched))
            }
        }
    }

    /// Scores of ±thousands: all weight on one token, nothing infinite.
    @Test(arguments: KernelPath.all, [GRAFT_FLOAT32, GRAFT_BFLOAT16])
    func hugeScoresChooseOneToken(path: KernelPath, format: GraftFormat) {
        let attention = AttentionCase(length: 30, heads: 1, width: 16, rate: 0, format: format, range: 90)
        let found = attention.results(of: path.kernels).results
        // Rounding moves such scores by more than 1, so only float32 is sure to choose the same token.
        if format == GRAFT_FLOAT32 { #expect(Self.error(found.context, attention.expected[0]) < 1e-3) }
        #expect(found.all.allSatisfy { $0.allSatisfy(\.isFinite) })
    }

    @Test(arguments: KernelPath.all, [GRAFT_FLOAT32, GRAFT_BFLOAT16])
    func whatIsNotANumberStaysInItsRow(path: KernelPath, format: GraftFormat) {
        let (length, width) = (37, 8)
        for (column, number) in [(0, Float.nan), (5, .infinity), (7, .nan)] {
            let inputs = (0..<3).map { _ in KernelNumbers(repeating: 0.5, count: length * width) }
            inputs[0].start[3 * width + column] = number
            let context = KernelNumbers(repeating: 0, count: length * width)
            let scratch = KernelNumbers(
                repeating: 0, count: path.kernels.attention_scratch(format, length, width, length))
            var call = GraftAttention(
                format: format, length: length, heads: 1, width: width, query: inputs[0].start, key: inputs[1].start,
                value: inputs[2].start, query_stride: width, key_stride: width, value_stride: width, scale: 1,
                reach: length, bias: nil, bias_head_stride: 0, bias_row_stride: 0, dropout_rate: 0, dropout_stream: 0,
                dropout_key: 0, statistics: nil, scratch: scratch.start,
                context: context.start, context_stride: width)
            withExtendedLifetime((inputs, scratch)) { path.kernels.attention(&call) }
            for row in 0..<length {
                let values = context.values[row * width..<(row + 1) * width]
                #expect(values.allSatisfy { row == 3 ? $0.isNaN : $0 == 0.5 }, "row \(row)")
            }
        }
    }

    /// Equal scores weigh all tokens alike, so a long text's context is the mean of V, and dV that of dO.
    @Test(arguments: KernelPath.fast, [GRAFT_FLOAT32, GRAFT_BFLOAT16])
    func longTextsTakeBoundedScratch(path: KernelPath, format: GraftFormat) {
        let (length, width) = (8192, 8)
        let count = path.kernels.attention_scratch(format, length, width, length)
        #expect(count < 1 << 19)
        let (zeros, scratch) = (
            KernelNumbers(repeating: 0, count: length * width), KernelNumbers(repeating: 0, count: count)
        )
        var numbers = SeededNumbers(seed: 5)
        let (value, dContext) = (numbers.floats(length * width), numbers.floats(length * width))
        let outputs = (0..<4).map { _ in KernelNumbers(repeating: 0, count: length * width) }
        let statistics = KernelNumbers(repeating: 0, count: 2 * length)
        var call = GraftAttention(
            format: format, length: length, heads: 1, width: width, query: zeros.start, key: zeros.start,
            value: value.start, query_stride: width, key_stride: width, value_stride: width, scale: 1,
            reach: length, bias: nil, bias_head_stride: 0, bias_row_stride: 0, dropout_rate: 0, dropout_stream: 0,
            dropout_key: 0, statistics: statistics.start, scratch: scratch.start,
            context: outputs[0].start, context_stride: width)
        var gradients = GraftAttentionGradients(
            context: dContext.start, context_stride: width, query: outputs[1].start, key: outputs[2].start,
            value: outputs[3].start, query_stride: width, key_stride: width, value_stride: width,
            scores: nil, scores_head_stride: 0, scores_row_stride: 0)
        withExtendedLifetime((zeros, scratch, value, dContext, statistics)) {
            path.kernels.attention(&call)
            path.kernels.attention_backward(&call, &gradients)
        }
        for (found, source) in [(outputs[0], value), (outputs[3], dContext)] {
            let mean: [Double] = (0..<width).map { column in
                var sum = 0.0
                for row in 0..<length { sum += Double(source.start[row * width + column]) }
                return sum / Double(length)
            }
            for row in [0, 1, 4096, length - 1] {
                let values = Array(found.values[row * width..<(row + 1) * width])
                #expect(largestDifference(values, mean) < 1e-4)
            }
        }
    }
}
