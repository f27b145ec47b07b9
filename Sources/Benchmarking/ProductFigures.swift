import Encoders
import Matrices

/// How near the products of an encoder's own shapes come to the ceiling, on one thread.
package struct ProductFigures: Sendable {
    /// One shape: [rows, depth] times [depth, columns].
    package struct Shape: Sendable {
        /// Whose products these are.
        package let name: String
        package let rows, depth, columns: Int
        /// How both factors are held.
        package let precision: Precision
        /// Median seconds of a product.
        package let seconds: Double
        /// Median seconds of rounding the rows beforehand, once for as many products as read them; nil in float32.
        package let rounding: Double?

        /// Operations of the product: a multiply-add is two.
        package var operations: Double { 2 * Double(rows) * Double(depth) * Double(columns) }
        /// Operations a second, rounding left out.
        package var rate: Double { operations / seconds }
    }

    /// The shapes, the large ones first.
    package let shapes: [Shape]

    /// Measures the shapes of an encoder: of a batch of 1,024 tokens, of attention, of adapters, of one short text.
    package init(_ subject: BenchmarkSubject) {
        let (config, precision) = (subject.model.encoder.config, subject.precision)
        let (hidden, intermediate, rank) = (config.hiddenSize, config.intermediateSize, subject.lora.rank)
        let (tokens, short) = (1024, 12)
        let length = min(256, config.maximumPositions)
        let repetition = Repetition(seconds: subject.repetition.seconds / 10, least: subject.repetition.least)
        func shape(_ name: String, _ rows: Int, _ depth: Int, _ columns: Int, _ precision: Precision) -> Shape {
            ProductFigures.measure(name, rows, depth, columns, precision, repetition)
        }
        let threads = Parallel.threads
        Parallel.threads = 1
        defer { Parallel.threads = threads }
        var shapes = [
            shape("query, key, value, attention output", tokens, hidden, hidden, precision),
            shape("into the feed-forward block", tokens, hidden, intermediate, precision),
            shape("out of the feed-forward block", tokens, intermediate, hidden, precision),
            shape("one short text into the feed-forward block", short, hidden, intermediate, precision),
            shape("adapter, down", tokens, hidden, rank, .float32),
            shape("adapter, up", tokens, rank, hidden, .float32),
        ]
        shapes += ProductFigures.attention(heads: config.heads, hidden, length: length, precision, repetition)
        self.shapes = shapes
    }

    /// Attention of one text, softmax included: two products of each head forward, four backward (another one, of scores
    /// that were not kept, does not count). As one product of the same operations: [length, products · hidden] times
    /// [products · hidden, length].
    private static func attention(
        heads: Int, _ hidden: Int, length: Int, _ precision: Precision, _ repetition: Repetition
    ) -> [Shape] {
        let kernel = TextAttention(heads: heads, width: hidden / heads, precision: precision)
        let factors = ["query", "key", "value", "context"].map { matrix($0, length, hidden) }
        var statistics = Matrix(rows: length, columns: kernel.statisticsWidth)
        var (dQuery, dKey, dValue, context) = (factors[0], factors[1], factors[2], factors[3])
        return withViews(factors[0], factors[1], factors[2], factors[3]) { views in
            statistics.withMutableView { statistics in
                let forward = context.withMutableView { context in
                    batched(repetition) {
                        kernel.forward(
                            query: views[0], key: views[1], value: views[2], texts: [0..<length],
                            statistics: statistics,
                            into: context)
                    }
                }
                let backward = withMutableViews(&dQuery, &dKey, &dValue) { dQuery, dKey, dValue in
                    batched(repetition) {
                        kernel.backward(
                            query: views[0], key: views[1], value: views[2], texts: [0..<length],
                            statistics: statistics,
                            dContext: views[3], into: .init(query: dQuery, key: dKey, value: dValue))
                    }
                }
                return [("forward", 2, forward), ("backward", 4, backward)].map { name, products, seconds in
                    Shape(
                        name: "attention of one text, \(name)", rows: length, depth: products * hidden, columns: length,
                        precision: precision == .float32 ? .float32 : .bfloat16, seconds: seconds, rounding: nil)
                }
            }
        }
    }

    /// A matrix of numbers around 0 that depend on the name alone.
    private static func matrix(_ name: String, _ rows: Int, _ columns: Int) -> Matrix {
        var random = RandomStream(seed: 0, name: name)
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.uniform() - 0.5 })
    }

    private static func measure(
        _ name: String, _ rows: Int, _ depth: Int, _ columns: Int, _ precision: Precision, _ repetition: Repetition
    ) -> Shape {
        let x = matrix("x", rows, depth)
        let packed = matrix("weight", depth, columns).withView { PackedMatrix($0, precision) }
        let operand = RowOperand(x, for: precision)
        var out = Matrix(uninitializedRows: rows, columns: columns)
        let seconds = out.withMutableView { out in
            batched(repetition) { Product.compute(operand, packed, into: out) }
        }
        let rounding = precision == .float32 ? nil : batched(repetition) { _ = RowOperand(x, for: precision) }
        return Shape(
            name: name, rows: rows, depth: depth, columns: columns, precision: precision, seconds: seconds,
            rounding: rounding)
    }

    /// The median seconds of work that takes less than the clock can time: so many runs at a time that it takes 1 ms.
    private static func batched(_ repetition: Repetition, _ body: () -> Void) -> Double {
        body()
        let runs = max(1, Int(1e-3 / max(1e-9, Repetition.time(body))))
        return repetition.median { for _ in 0..<runs { body() } } / Double(runs)
    }
}
