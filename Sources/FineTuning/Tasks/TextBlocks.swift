import Encoders
import Matrices
import Tokenizers

/// Texts worked on block after block: while a block is computed, the next is tokenized by whichever thread is free.
///
/// So no thread waits for a tokenizer, results come in the order of the texts, and no more than two blocks are in memory.
struct TextBlocks {
    let texts: [TextInput]
    /// The kinds of answers that a text, by its place, gets.
    let kinds: (_ text: Int) -> [Int]
    /// What the encoder is given for a text to get an answer of each of these kinds: one tokenized text, or several in a row.
    let read: (TextInput, _ kinds: [Int]) throws(TokenizerError) -> [[TokenizedText]]

    /// Texts of a block: enough parts to share, few enough that results come soon.
    private static let size = 512
    /// Texts that are tokenized at a time.
    private static let chunkSize = 64

    /// A text that an answer of one kind is made of.
    struct Slot {
        let input: TextInput
        let kind: Int
        /// The place of the text among all of them.
        let text: Int
        /// What the encoder is given for it.
        let tokenized: [TokenizedText]

        /// The tokens of all of it.
        var tokens: Int { tokenized.reduce(0) { $0 + $1.count } }
    }

    /// Calls `deliver` for each block with its outputs: text after text, for each text one of each of its kinds.
    ///
    /// - Parameters:
    ///   - plan: cuts the answers of a block into jobs; each is in one of them, by its place among `slots`.
    ///   - compute: called for the jobs of a block, on several threads at once; gives an output for each slot of the job.
    func run<Job, Output>(
        plan: (_ slots: [Slot]) -> [(job: Job, places: [Int])], compute: (Job, [Slot]) -> [Output],
        deliver: ([Output]) throws -> Void
    ) throws {
        let blocks = TextBlocks.cut(texts.indices, by: TextBlocks.size)
        guard let first = blocks.first else { return }
        var slots = try joined(Parallel.map(TextBlocks.chunks(of: first).count) { tokenize($0, of: first) })
        for (place, block) in blocks.enumerated() {
            let jobs = plan(slots)
            let next = place + 1 < blocks.count ? blocks[place + 1] : block.upperBound..<block.upperBound
            let chunks = TextBlocks.chunks(of: next).count
            let results = Batching.map(jobs.count + chunks) { index -> Step<Output> in
                guard index < jobs.count else { return .tokenized(tokenize(index - jobs.count, of: next)) }
                return .computed(compute(jobs[index].job, jobs[index].places.map { slots[$0] }))
            }
            var outputs = [Output?](repeating: nil, count: slots.count)
            for (job, result) in zip(jobs, results) {
                guard case .computed(let ofSlots) = result else { continue }
                for (place, output) in zip(job.places, ofSlots) { outputs[place] = output }
            }
            try deliver(outputs.compactMap { $0 })
            slots = try joined(results.compactMap { if case .tokenized(let chunk) = $0 { chunk } else { nil } })
        }
    }

    /// What one turn of a block's loop does.
    private enum Step<Output> {
        case computed([Output])
        case tokenized(Result<[Slot], TokenizerError>)
    }

    private func tokenize(_ index: Int, of block: Range<Int>) -> Result<[Slot], TokenizerError> {
        let mark = Profile.enter(.tokenizer)
        defer { mark.leave() }
        return Result { () throws(TokenizerError) in
            var slots: [Slot] = []
            for text in TextBlocks.chunks(of: block)[index] {
                let kinds = kinds(text)
                for (kind, tokenized) in zip(kinds, try read(texts[text], kinds)) {
                    slots.append(Slot(input: texts[text], kind: kind, text: text, tokenized: tokenized))
                }
            }
            return slots
        }
    }

    private func joined(_ chunks: [Result<[Slot], TokenizerError>]) throws(TokenizerError) -> [Slot] {
        var slots: [Slot] = []
        for chunk in chunks { slots += try chunk.get() }
        return slots
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
