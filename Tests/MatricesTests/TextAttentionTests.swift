import Matrices
import Testing

/// Attention over the texts of a batch: who computes a text, and beside what, changes nothing.
@Suite struct TextAttentionTests {
    private static let heads = 3
    private static let width = 16
    private static let lengths = [70, 5, 1, 33, 130, 20]

    private func random(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
        var random = RandomStream(seed: 2, name: name)
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.normal() })
    }

    private func texts(_ lengths: [Int]) -> [Range<Int>] {
        lengths.reduce(into: []) { texts, length in
            let start = texts.last?.upperBound ?? 0
            texts.append(start..<start + length)
        }
    }

    /// Context, dQuery, dKey and dValue. `qkv` has query, key and value side by side.
    private func run(_ attention: TextAttention, _ qkv: Matrix, _ dContext: Matrix, _ texts: [Range<Int>]) -> [Matrix] {
        let hidden = dContext.columns
        var context = Matrix(rows: qkv.rows, columns: hidden)
        var (dQuery, dKey, dValue) = (context, context, context)
        var statistics = Matrix(rows: qkv.rows, columns: attention.statisticsWidth)
        withViews(qkv, dContext) { views in
            let inputs = (0..<3).map { views[0][0..<qkv.rows, $0 * hidden..<($0 + 1) * hidden] }
            statistics.withMutableView { statistics in
                context.withMutableView {
                    attention.forward(
                        query: inputs[0], key: inputs[1], value: inputs[2], texts: texts, statistics: statistics,
                        into: $0)
                }
                withMutableViews(&dQuery, &dKey, &dValue) { dQuery, dKey, dValue in
                    attention.backward(
                        query: inputs[0], key: inputs[1], value: inputs[2], texts: texts, statistics: statistics,
                        dContext: views[1],
                        into: TextAttention.Gradients(query: dQuery, key: dKey, value: dValue))
                }
            }
        }
        return [context, dQuery, dKey, dValue]
    }

    private func rows(_ matrix: Matrix, _ range: Range<Int>) -> Matrix {
        Matrix(rows: range.count, columns: matrix.columns, values: range.flatMap { matrix.row($0) })
    }

    private static let bias = PositionBias(heads: heads, maximum: 130) { head, distance in
        Float(head + 1) * (distance > 0 ? 0.1 : -0.05) * Float(min(abs(distance), 12))
    }

    @Test(arguments: Precision.allCases)
    func aTextAloneHasTheBitsOfOneAmongOthers(precision: Precision) {
        let texts = texts(Self.lengths), hidden = Self.heads * Self.width
        let tokens = Self.lengths.reduce(0, +)
        let (qkv, dContext) = (random(tokens, 3 * hidden, "qkv"), random(tokens, hidden, "dContext"))
        for (bias, reach) in [(nil, nil), (Self.bias, nil), (nil, 12), (Self.bias, 30)] {
            let attention = TextAttention(
                heads: Self.heads, width: Self.width, precision: precision, scale: bias == nil ? nil : 1,
                positionBias: bias, reach: reach)
            let together = run(attention, qkv, dContext, texts)
            for text in texts {
                let alone = run(attention, rows(qkv, text), rows(dContext, text), [0..<text.count])
                for (all, one) in zip(together, alone) { #expect(rows(all, text) == one) }
            }
        }
    }

    @Test(arguments: Precision.allCases, [Float(0), 0.2])
    func threadsDoNotChangeASingleBit(precision: Precision, rate: Float) {
        let hidden = Self.heads * Self.width
        let attention = TextAttention(
            heads: Self.heads, width: Self.width, precision: precision,
            dropout: TextAttention.Dropout(rate: rate, key: 99),
            positionBias: PositionBias(heads: Self.heads, maximum: 300) { Float($0) * 0.1 - Float(abs($1)) * 0.01 },
            reach: rate > 0 ? 50 : nil)
        for lengths in [Self.lengths, [300]] {
            let tokens = lengths.reduce(0, +)
            let (qkv, dContext) = (random(tokens, 3 * hidden, "qkv"), random(tokens, hidden, "dContext"))
            let shared = run(attention, qkv, dContext, texts(lengths))
            var serial: [Matrix] = []
            // Inside a loop nothing is shared: as one thread would.
            Parallel.forEach(2) { if $0 == 0 { serial = run(attention, qkv, dContext, texts(lengths)) } }
            #expect(shared == serial)
        }
    }

    /// The same bias at every distance changes no probability; a large one leaves a token alone with the favoured distance.
    @Test func aBiasMovesWeightToTheDistanceThatItFavours() {
        let (tokens, hidden) = (40, Self.heads * Self.width)
        let (qkv, dContext) = (random(tokens, 3 * hidden, "qkv"), random(tokens, hidden, "dContext"))
        func context(_ bias: @escaping (Int, Int) -> Float) -> Matrix {
            let attention = TextAttention(
                heads: Self.heads, width: Self.width,
                positionBias: PositionBias(heads: Self.heads, maximum: tokens, bias))
            return run(attention, qkv, dContext, [0..<tokens])[0]
        }
        let plain = run(TextAttention(heads: Self.heads, width: Self.width), qkv, dContext, [0..<tokens])[0]
        let even = context { head, _ in Float(head) }
        #expect(zip(even.values, plain.values).allSatisfy { abs($0 - $1) < 1e-5 })
        let next = context { _, distance in distance == 1 ? 100 : 0 }
        for row in 0..<tokens - 1 {
            let value = qkv.row(row + 1)[2 * hidden..<3 * hidden]
            #expect(zip(next.row(row), value).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test(arguments: [Precision.float32, .bfloat16])
    func whatIsOutOfReachDoesNotMatter(precision: Precision) {
        let (tokens, hidden, reach) = (400, Self.heads * Self.width, 10)
        let (qkv, dContext) = (random(tokens, 3 * hidden, "qkv"), random(tokens, hidden, "dContext"))
        let attention = TextAttention(heads: Self.heads, width: Self.width, precision: precision, reach: reach)
        let before = run(attention, qkv, dContext, [0..<tokens])
        var changed = qkv
        for column in 0..<3 * hidden { changed[200, column] += 3 }
        let after = run(attention, changed, dContext, [0..<tokens])
        for row in 0..<tokens {
            let isReached = abs(row - 200) <= reach
            // What is out of reach has a weight of 2⁻⁶⁴ within a block, or none.
            let distance = zip(before[0].row(row), after[0].row(row)).map { abs($0 - $1) }.max() ?? 0
            #expect(isReached ? distance > 1e-4 : distance < 1e-6)
        }
    }

    @Test func columnsOfOneMatrixAreAsGoodAsThreeMatrices() {
        let hidden = Self.heads * Self.width
        let (qkv, dContext) = (random(50, 3 * hidden, "qkv"), random(50, hidden, "dContext"))
        let attention = TextAttention(heads: Self.heads, width: Self.width)
        let expected = run(attention, qkv, dContext, [0..<50])[0]
        let parts = (0..<3).map { part in
            let values: [Float] = (0..<50).flatMap { qkv.row($0)[part * hidden..<(part + 1) * hidden] }
            return Matrix(rows: 50, columns: hidden, values: values)
        }
        var context = Matrix(rows: 50, columns: hidden)
        context.withMutableView { context in
            withViews(parts[0], parts[1], parts[2]) {
                attention.forward(
                    query: $0[0], key: $0[1], value: $0[2], texts: [0..<50], statistics: nil, into: context)
            }
        }
        #expect(context == expected)
    }

    @Test func droppedContextIsRightOnAverage() {
        let (tokens, hidden, masks) = (30, Self.heads * Self.width, 400)
        let (qkv, dContext) = (random(tokens, 3 * hidden, "qkv"), random(tokens, hidden, "dContext"))
        let plain = run(TextAttention(heads: Self.heads, width: Self.width), qkv, dContext, [0..<tokens])
        var sums = plain.map { Matrix(rows: $0.rows, columns: $0.columns) }
        for key in 0..<masks {
            let attention = TextAttention(
                heads: Self.heads, width: Self.width, dropout: TextAttention.Dropout(rate: 0.2, key: UInt64(key)))
            let dropped = run(attention, qkv, dContext, [0..<tokens])
            for index in sums.indices { sums[index].add(dropped[index], scale: 1 / Float(masks)) }
        }
        for (mean, expected) in zip(sums, plain) {
            var (size, distance) = (Float(0), Float(0))
            for (found, value) in zip(mean.values, expected.values) {
                size += value * value
                distance += (found - value) * (found - value)
            }
            // The deviation of a dropped number is about its own size, so that of the mean is a twentieth of it.
            #expect((distance / size).squareRoot() < 0.1)
        }
    }
}
