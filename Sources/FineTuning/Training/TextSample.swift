import Encoders
import Matrices
import Tokenizers

/// The training texts of some tasks in a random order, packed a few at a time, for starts that are computed from texts.
struct TextSample: Sequence {
    private let texts: [[TokenizedText]]
    private let order: [(task: Int, text: Int)]

    /// Texts of one batch.
    private static let size = 32

    init(_ tasks: [TrainingTask], seed: UInt64) {
        let texts = tasks.map { $0.training?.texts ?? [] }
        let all = texts.indices.flatMap { task in texts[task].indices.map { (task: task, text: $0) } }
        var random = RandomStream(seed: seed, name: "text sample")
        self.texts = texts
        order = random.permutation(all.count).map { all[$0] }
    }

    func makeIterator() -> AnyIterator<PackedBatch> {
        var start = 0
        return AnyIterator {
            guard start < order.count else { return nil }
            let some = order[start..<Swift.min(start + TextSample.size, order.count)]
            start += some.count
            return Batching.pack(Array(0..<some.count), some.map { texts[$0.task][$0.text] })
        }
    }
}
