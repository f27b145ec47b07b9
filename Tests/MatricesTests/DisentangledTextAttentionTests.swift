import CKernels
import Foundation
import Matrices
import Testing

/// DeBERTa's attention against its equations in Double, whose derivatives are taken by differences.
@Suite struct DisentangledTextAttentionTests {
    /// One call with seeded numbers.
    struct Case: CustomTestStringConvertible {
        var lengths: [Int]
        var heads = 2
        var width = 4
        var distances: DisentangledDistances
        var hasPositionKey = true
        var hasPositionQuery = true
        var rate: Float = 0
        var precision = Precision.float32

        var testDescription: String { "\(lengths), \(hasPositionKey), \(hasPositionQuery), \(rate), \(precision)" }
        var hidden: Int { heads * width }
        var texts: [Range<Int>] {
            lengths.reduce(into: []) { texts, length in
                let start = texts.last?.upperBound ?? 0
                texts.append(start..<start + length)
            }
        }

        /// Query, key, value, dContext, positionKey, positionQuery.
        var numbers: [Matrix] {
            ["query", "key", "value", "dContext", "positionKey", "positionQuery"].map { name in
                let rows = name.hasPrefix("position") ? 2 * distances.span : lengths.reduce(0, +)
                var random = RandomStream(seed: 8, name: name)
                return Matrix(rows: rows, columns: hidden, values: (0..<rows * hidden).map { _ in random.normal() })
            }
        }

        /// The context, and the gradients of query, key, value, positionKey and positionQuery, empty where not wanted.
        func results(of numbers: [Matrix]? = nil, wanted: Set<Int> = [0, 1, 2, 3, 4]) -> [Matrix] {
            let numbers = numbers ?? self.numbers
            let attention = DisentangledTextAttention(
                heads: heads, width: width, distances: distances, precision: precision,
                dropout: TextAttention.Dropout(rate: rate, key: 77))
            var context = Matrix(rows: numbers[0].rows, columns: hidden)
            var statistics = Matrix(rows: context.rows, columns: attention.statisticsWidth)
            var gradients = [0, 1, 2, 4, 5].enumerated().map { index, source in
                wanted.contains(index)
                    ? Matrix(rows: numbers[source].rows, columns: hidden) : Matrix(rows: 0, columns: 0)
            }
            numbers.withViews { views in
                let inputs = DisentangledTextAttention.Inputs(
                    query: views[0], key: views[1], value: views[2], positionKey: hasPositionKey ? views[4] : nil,
                    positionQuery: hasPositionQuery ? views[5] : nil)
                context.withMutableView { context in
                    statistics.withMutableView { statistics in
                        attention.forward(inputs, texts: texts, statistics: statistics, into: context)
                        gradients.withMutableViews { into in
                            func wantedView(_ index: Int) -> MatrixView? { wanted.contains(index) ? into[index] : nil }
                            attention.backward(
                                inputs, texts: texts, statistics: statistics, dContext: views[3],
                                into: DisentangledTextAttention.Gradients(
                                    query: wantedView(0), key: wantedView(1), value: wantedView(2),
                                    positionKey: wantedView(3), positionQuery: wantedView(4)))
                        }
                    }
                }
            }
            return [context] + gradients
        }

        /// The context in Double, from the numbers of query, key, value, positionKey and positionQuery.
        func context(_ inputs: [[Double]]) -> [Double] {
            let terms = 1 + (hasPositionKey ? 1 : 0) + (hasPositionQuery ? 1 : 0)
            let scale = 1 / Double(width * terms).squareRoot()
            var context = [Double](repeating: 0, count: inputs[0].count)
            for (text, rows) in texts.enumerated() {
                for head in 0..<heads {
                    func dot(_ x: [Double], _ i: Int, _ y: [Double], _ j: Int) -> Double {
                        let (left, right) = (i * hidden + head * width, j * hidden + head * width)
                        return (0..<width).reduce(0) { $0 + x[left + $1] * y[right + $1] }
                    }
                    for (row, i) in rows.enumerated() {
                        let scores = rows.map { j in
                            let place = distances.row(i - j)
                            var score = dot(inputs[0], i, inputs[1], j)
                            if hasPositionKey { score += dot(inputs[0], i, inputs[3], place) }
                            if hasPositionQuery { score += dot(inputs[1], j, inputs[4], place) }
                            return scale * score
                        }
                        let greatest = scores.max() ?? 0
                        let powers = scores.map { exp($0 - greatest) }
                        let sum = powers.reduce(0, +)
                        let mask = KernelNumbers(repeating: 1, count: rows.count)
                        KernelPath.reference.kernels.dropout(
                            77, UInt64(text * heads + head) << 32 + UInt64(row * rows.count), rate, mask.start,
                            mask.start, rows.count)
                        for (column, j) in rows.enumerated() {
                            let weight = powers[column] / sum * Double(mask.start[column])
                            for c in head * width..<(head + 1) * width {
                                context[i * hidden + c] += weight * inputs[2][j * hidden + c]
                            }
                        }
                    }
                }
            }
            return context
        }
    }

    private static let near = DisentangledDistances(buckets: 6, maximum: 16)
    static let cases = [
        Case(lengths: [5, 1, 9], distances: near),
        Case(lengths: [5, 9], distances: near, hasPositionQuery: false),
        Case(lengths: [5, 9], distances: near, hasPositionKey: false, rate: 0.3),
        Case(lengths: [7, 3], distances: DisentangledDistances(buckets: nil, maximum: 4), rate: 0.2),
        Case(lengths: [20], heads: 1, width: 3, distances: DisentangledDistances(buckets: 8, maximum: 40)),
    ]

    private func doubles(_ matrix: Matrix) -> [Double] { matrix.values.map(Double.init) }

    private func error(_ found: Matrix, _ expected: [Double]) -> Double {
        KernelAttentionTests.error(found.values, expected)
    }

    @Test(arguments: cases, [Precision.float32, .bfloat16])
    func contextAndGradientsAreTheEquationsInDouble(of attention: Case, precision: Precision) {
        var attention = attention
        attention.precision = precision
        let numbers = attention.numbers.map(doubles)
        let inputs = [0, 1, 2, 4, 5].map { numbers[$0] }
        let results = attention.results()
        let allowed = precision == .float32 ? 2e-6 : 2.5e-2
        #expect(error(results[0], attention.context(inputs)) < allowed)
        for source in 0..<5 {
            let gradient = inputs[source].indices.map { index in
                func loss(_ step: Double) -> Double {
                    var moved = inputs
                    moved[source][index] += step
                    return zip(attention.context(moved), numbers[3]).reduce(0) { $0 + $1.0 * $1.1 }
                }
                return (loss(1e-5) - loss(-1e-5)) / 2e-5
            }
            #expect(error(results[1 + source], gradient) < allowed, "gradient \(source)")
        }
    }

    /// Texts of several blocks, whose tokens meet rows that no other block does: along one direction for each input.
    @Test(arguments: [
        DisentangledDistances(buckets: 64, maximum: 150), DisentangledDistances(buckets: nil, maximum: 170),
    ])
    func longTextsAreTheEquationsInDouble(distances: DisentangledDistances) {
        let attention = Case(lengths: [150, 40, 70], width: 8, distances: distances, rate: 0.1)
        let numbers = attention.numbers.map(doubles)
        let inputs = [0, 1, 2, 4, 5].map { numbers[$0] }
        let results = attention.results()
        #expect(error(results[0], attention.context(inputs)) < 2e-6)
        for source in 0..<5 {
            var random = RandomStream(seed: 9, name: "direction \(source)")
            let direction = inputs[source].map { _ in Double(random.normal()) }
            func loss(_ step: Double) -> Double {
                var moved = inputs
                for index in direction.indices { moved[source][index] += step * direction[index] }
                return zip(attention.context(moved), numbers[3]).reduce(0) { $0 + $1.0 * $1.1 }
            }
            let expected = (loss(1e-5) - loss(-1e-5)) / 2e-5
            let found = zip(doubles(results[1 + source]), direction).reduce(0) { $0 + $1.0 * $1.1 }
            let size = doubles(results[1 + source]).reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(abs(found - expected) < 1e-5 * size, "gradient \(source)")
        }
    }

    @Test(arguments: [Precision.float32, .bfloat16])
    func threadsDoNotChangeASingleBit(precision: Precision) {
        let attention = Case(
            lengths: [100, 30, 80, 5], heads: 5, width: 16, distances: DisentangledDistances(buckets: 32, maximum: 90),
            rate: 0.1, precision: precision)
        let shared = attention.results()
        var serial: [Matrix] = []
        // Inside a loop nothing is shared: as one thread would.
        Parallel.forEach(2) { if $0 == 0 { serial = attention.results() } }
        #expect(shared == serial)
    }

    @Test(arguments: [Precision.float32, .bfloat16])
    func aTextAloneHasTheBitsOfOneAmongOthers(precision: Precision) {
        var attention = Case(
            lengths: [90, 7, 33], width: 16, distances: DisentangledDistances(buckets: 16, maximum: 60),
            precision: precision)
        let (numbers, texts, together) = (attention.numbers, attention.texts, attention.results())
        for text in texts {
            func rows(_ matrix: Matrix) -> Matrix {
                Matrix(rows: text.count, columns: matrix.columns, values: text.flatMap { matrix.row($0) })
            }
            attention.lengths = [text.count]
            let alone = attention.results(of: numbers[0..<4].map(rows) + numbers[4...])
            for index in 0..<4 { #expect(alone[index] == rows(together[index]), "result \(index)") }
        }
    }

    @Test func aGradientDoesNotDependOnWhichOthersAreWanted() {
        let attention = Case(lengths: [21, 8], distances: Self.near, rate: 0.2)
        let whole = attention.results()
        for wanted in [[0], [1], [2], [3], [4], [0, 3], [1, 4], [2, 3, 4]] as [Set<Int>] {
            let found = attention.results(wanted: wanted)
            for index in wanted { #expect(found[1 + index] == whole[1 + index], "gradient \(index) of \(wanted)") }
        }
    }
}

extension [Matrix] {
    /// Calls `body` with views of all, for reading.
    fileprivate func withViews(_ body: ([MatrixView]) -> Void) {
        defer { withExtendedLifetime(self) {} }
        body(map { $0.withView { $0 } })
    }

    /// Calls `body` with views of all, for writing.
    fileprivate mutating func withMutableViews(_ body: ([MatrixView]) -> Void) {
        var views: [MatrixView] = []
        for index in indices { self[index].withMutableView { views.append($0) } }
        body(views)
        withExtendedLifetime(self) {}
    }
}
