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

    @Test(arguments: Precision.allCases)
    func aTextAloneHasTheBitsOfOneAmongOthers(precision: Precision) {
        let texts = texts(Self.lengths), hidden = Self.heads * Self.width
        let tokens = Self.lengths.reduce(0, +)
        let (qkv, dContext) = (random(tokens, 3 * hidden, "qkv"), random(tokens, hidden, "dContext"))
        let attention = TextAttention(heads: Self.heads, width: Self.width, precision: precision)
        let together = run(attention, qkv, dContext, texts)
        for text in texts {
            let alone = run(attention, rows(qkv, text), rows(dContext, text), [0..<text.count])
            for (all, one) in zip(together, alone) { #expect(rows(all, text) == one) }
        }
    }

    @Test(arguments: Precision.allCases, [Float(0), 0.2])
    func threadsDoNotChangeASingleBit(precision: Precision, rate: Float) {
        let hidden = Self.heads * Self.width
        let attention = TextAttention(
            heads: Self.heads, width: Self.width, precision: precision,
            dropout: TextAttention.Dropout(rate: rate, key: 99))
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
