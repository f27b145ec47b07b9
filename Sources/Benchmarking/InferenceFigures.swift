import FineTuning

/// How fast texts become embeddings, cutting them into tokens included.
package struct InferenceFigures: Sendable {
    /// The figures of one list of texts, embedded at once.
    package struct Batch: Sendable {
        /// What the texts are: ``Kind``.
        package let kind: Kind
        /// Their number, and their tokens in all.
        package let texts, tokens: Int
        /// Median seconds of embedding all of them, and of cutting them into tokens alone.
        package let seconds, tokenizing: Double
        /// Floating-point operations of the encoder.
        package let operations: Double

        /// Real tokens a second.
        package var tokensPerSecond: Double { Double(tokens) / seconds }
    }

    /// The lists of texts that are measured.
    package enum Kind: String, Sendable, CaseIterable {
        /// One sentence of nine words.
        case oneShort = "one_short"
        /// 256 texts of 16 tokens.
        case manyShort = "many_short"
        /// 32 texts of 256 tokens, or of as many as the model reads.
        case manyLong = "many_long"
        /// The texts as they are.
        case asTheyAre = "as_they_are"
    }

    /// The batches, in the order of the kinds.
    package let batches: [Batch]

    /// Measures the given kinds.
    package init(_ subject: BenchmarkSubject, _ kinds: [Kind] = Kind.allCases) throws {
        batches = try kinds.map { try InferenceFigures.measure($0, subject) }
    }

    private static func measure(_ kind: Kind, _ subject: BenchmarkSubject) throws -> Batch {
        let model = subject.model
        let texts =
            switch kind {
            case .oneShort: [TextInput("The quick brown fox jumps over the lazy dog.")]
            case .manyShort: try subject.texts.texts(count: 256, tokens: 16, model)
            case .manyLong: try subject.texts.texts(count: 32, tokens: min(256, model.maximumTokens), model)
            case .asTheyAre: subject.texts.whole
            }
        let lengths = try subject.lengths(of: texts, limit: model.maximumTokens)
        let seconds = try subject.repetition.median { _ = try model.embed(texts) }
        let brief = Repetition(seconds: subject.repetition.seconds / 10, least: subject.repetition.least)
        let tokenizing = try brief.median { _ = try model.tokenize(texts, limit: model.maximumTokens) }
        return Batch(
            kind: kind, texts: texts.count, tokens: lengths.reduce(0, +), seconds: seconds, tokenizing: tokenizing,
            operations: EncoderWork(model.encoder.config, lengths: lengths).forward)
    }
}
