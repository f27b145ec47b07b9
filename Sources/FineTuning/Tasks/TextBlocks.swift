import Encoders
import Matrices
import Tokenizers

/// Texts worked on block after block: while a block is computed, the next is tokenized by whichever thread is free.
///
/// So no thread waits for a tokenizer, results come in the order of the texts, and no more than two blocks are in memory.
struct TextBlocks {
    let texts: [TextInput]
    /// The number of kinds of answers.
    let kindCount: Int
    /// What the encoder is given for a text to get an answer of a kind: one tokenized text, or several in a row.
    let read: (_ kind: Int, TextInput) throws(TokenizerError) -> [TokenizedText]

    /// Texts of a block: enough parts to share, few enough that results come soon.
    private static let size = 512
    /// Texts that are tokenized at a time.
    private static let chunkSize = 64

    /// Calls `deliver` for each block with its outputs: text after text, for each text one of each kind of answer.
    ///
    /// `compute` is called for parts of a block, on several threads at once; it gives an output for each of its texts.
    func run<Output>(
        compute: (_ kind: Int, _ texts: [TextInput], _ tokenized: [[TokenizedText]]) -> [Output],
        deliver: ([Output]) throws -> Void
    ) throws {
        let kinds = 0..<kindCount
        let blocks = TextBlocks.cut(texts.indices, by: TextBlocks.size)
        guard let first = blocks.first else { return }
        var tokenized = try byKind(
            Parallel.map(TextBlocks.chunks(of: first).count * kinds.count) { tokenize($0, of: first) })
        for (place, block) in blocks.enumerated() {
            let jobs = kinds.flatMap { kind in
                let lengths = tokenized[kind].map { $0.reduce(0) { $0 + $1.count } }
                return Batching.parts(Array(lengths.indices), lengths: lengths).map { (kind: kind, indices: $0) }
            }
            let next = place + 1 < blocks.count ? blocks[place + 1] : block.upperBound..<block.upperBound
            let chunks = TextBlocks.chunks(of: next).count * kinds.count
            let results = Batching.map(jobs.count + chunks) { index -> Step<Output> in
                guard index < jobs.count else { return .tokenized(tokenize(index - jobs.count, of: next)) }
                let (kind, indices) = jobs[index]
                let inputs = indices.map { texts[block.lowerBound + $0] }
                return .computed(compute(kind, inputs, indices.map { tokenized[kind][$0] }))
            }
            var outputs = [Output?](repeating: nil, count: block.count * kinds.count)
            for (job, result) in zip(jobs, results) {
                guard case .computed(let ofTexts) = result else { continue }
                for (index, output) in zip(job.indices, ofTexts) { outputs[index * kinds.count + job.kind] = output }
            }
            try deliver(outputs.compactMap { $0 })
            tokenized = try byKind(results.compactMap { if case .tokenized(let chunk) = $0 { chunk } else { nil } })
        }
    }

    /// What one turn of a block's loop does.
    private enum Step<Output> {
        case computed([Output])
        case tokenized(Result<[[TokenizedText]], TokenizerError>)
    }

    private func tokenize(_ index: Int, of block: Range<Int>) -> Result<[[TokenizedText]], TokenizerError> {
        let chunks = TextBlocks.chunks(of: block)
        let kind = index / chunks.count
        return TextBlocks.tokenize(texts[chunks[index % chunks.count]]) { text throws(TokenizerError) in
            try read(kind, text)
        }
    }

    /// The texts of a block for each kind of answer, from its chunks: those of the first kind, then those of the next.
    private func byKind(
        _ chunks: [Result<[[TokenizedText]], TokenizerError>]
    ) throws(TokenizerError) -> [[[TokenizedText]]] {
        var tokenized = [[[TokenizedText]]](repeating: [], count: kindCount)
        for (index, chunk) in chunks.enumerated() {
            tokenized[index / (chunks.count / kindCount)] += try chunk.get()
        }
        return tokenized
    }

    /// What `read` gives of each text; the threads share the texts.
    static func tokenize(
        _ texts: [TextInput], _ read: (TextInput) throws(TokenizerError) -> [TokenizedText]
    ) throws(TokenizerError) -> [[TokenizedText]] {
        let chunks = chunks(of: texts.indices)
        let results = Parallel.map(chunks.count) { tokenize(texts[chunks[$0]], read) }
        var tokenized: [[TokenizedText]] = []
        for result in results { tokenized += try result.get() }
        return tokenized
    }

    /// The same on the calling thread.
    private static func tokenize(
        _ texts: ArraySlice<TextInput>, _ read: (TextInput) throws(TokenizerError) -> [TokenizedText]
    ) -> Result<[[TokenizedText]], TokenizerError> {
        let mark = Profile.enter(.tokenizer)
        defer { mark.leave() }
        return Result { () throws(TokenizerError) in
            var tokenized: [[TokenizedText]] = []
            for text in texts { tokenized.append(try read(text)) }
            return tokenized
        }
    }

    /// What the threads tokenize at a time.
    private static func chunks(of range: Range<Int>) -> [Range<Int>] { cut(range, by: chunkSize) }

    private static func cut(_ range: Range<Int>, by size: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: size).map { $0..<min($0 + size, range.upperBound) }
    }
}
