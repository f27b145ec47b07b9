import Encoders
import Matrices
import Tokenizers

/// Layers on the hidden state of each token, one linear layer unless a shape says otherwise: logits = hidden Wᵀ + b,
/// W [tags, hidden]; a tag for each word.
///
/// A word is told by its first token, as transformers' token classification does with words that are split before: its
/// other tokens, and special ones, take part in no loss and no score. A sentence over the limit is read in windows that
/// overlap by a quarter (``WordWindows``); every word is told by one of them, the one that shows more of what is around it.
public struct TaggingHead: Head {
    /// Tags; their places are the label ids.
    public let labels: [String]
    /// The layers.
    public let network: HeadNetwork
    /// What it learns: a tag for each word.
    public var objective: Objective { .tagging }
    /// It sees each token.
    public var pooling: Pooling? { nil }
    /// Sentences alone.
    public var takesPairs: Bool { false }
    /// What it trains with.
    public let classLoss: ClassLoss
    /// The loss in words.
    public var lossDescription: String { classLoss.description }

    /// A head for the given tags over hidden states of the given width.
    public init(labels: [String], hiddenSize: Int, shape: HeadShape = .linear, loss: ClassLoss = .plain) {
        (self.labels, classLoss) = (labels, loss)
        network = HeadNetwork(inputs: hiddenSize, outputs: labels.count, shape: shape)
    }

    /// The sentence, or its windows.
    public func texts(
        of input: TextInput, _ tokenizer: any Tokenizer, limit: Int
    ) throws(TokenizerError) -> [TokenizedText] {
        let whole = try tokenizer.tokenize(words: input.taggedWords.map(\.text), truncation: nil)
        return try WordWindows.cut(whole, limit: limit)
    }

    /// The ids of each example's tags.
    public func answers(in data: Dataset) throws(DataError) -> [KnownAnswer] {
        try LabelIndex(labels).tagIDs(of: data).map { .ids($0) }
    }

    /// The tags of the words that each window tells.
    public func targets(_ answer: KnownAnswer, of texts: [TokenizedText]) -> [Target] {
        let ids = answer.ids
        return zip(0..., WordWindows.told(by: texts, wordCount: ids.count)).map { window, words in
            .words(
                Target.WordLabels(
                    ids: Array(ids[words]), tokens: WordWindows.firstTokens(of: words, in: texts[window]),
                    continuesSentence: window > 0))
        }
    }

    /// The states as they are.
    public func pool(
        _ hidden: Matrix, _ batch: PackedBatch
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix) { (hidden, { $0 }) }

    /// One row a token.
    public func rows(ofTokens count: Int) -> Int { count }

    /// The weights of the words that have a token: 1 each unless the loss has weights.
    public func lossTerms(of target: Target) -> Double {
        zip(target.words.ids, target.words.tokens).reduce(0) { sum, word in
            word.1 == nil ? sum : sum + classLoss.terms(of: word.0)
        }
    }

    /// The loss of the words' first tokens, the mean over words. A step may have no such word; then it has no loss.
    public func loss(
        _ outputs: Matrix, rows: [Range<Int>], _ targets: [Target], terms: Double
    ) -> (loss: Double, dOutputs: Matrix) {
        var rowTargets = [Int?](repeating: nil, count: outputs.rows)
        for (rows, target) in zip(rows, targets) {
            for case (let id, let token?) in zip(target.words.ids, target.words.tokens) {
                rowTargets[rows.lowerBound + token] = id
            }
        }
        let (loss, dLogits) = classLoss.loss(outputs, targets: rowTargets, terms: terms)
        return (loss, dLogits)
    }

    /// Scores of the tags of the largest logits. A word without a token counts as outside of every entity.
    public func scores(_ outputs: [Matrix], _ targets: [Target]) -> Scores {
        var (known, predicted) = ([[String]](), [[String]]())
        for (logits, target) in zip(outputs, targets) {
            let words = target.words
            if known.isEmpty || !words.continuesSentence {
                known.append([])
                predicted.append([])
            }
            known[known.count - 1] += words.ids.map { labels[$0] }
            predicted[predicted.count - 1] += words.tokens.map { token in
                token.map { labels[logits.row($0).indexOfLargest] } ?? Tag.outside.name
            }
        }
        return .tagging(TaggingMetrics(targets: known, predictions: predicted))
    }

    /// The entities, each with its place in the text.
    public func answer(_ input: TextInput, _ texts: [TokenizedText], _ outputs: [Matrix]) -> Prediction.Answer {
        let words = input.taggedWords
        var (tags, scores) = ([String](), [Float?]())
        for (window, told) in WordWindows.told(by: texts, wordCount: words.count).enumerated() {
            let probabilities = SoftmaxCrossEntropy.probabilities(outputs[window])
            for token in WordWindows.firstTokens(of: told, in: texts[window]) {
                let row = token.map { probabilities.row($0) }
                tags.append(row.map { labels[$0.indexOfLargest] } ?? Tag.outside.name)
                scores.append(row?.max())
            }
        }
        let scalars = Array(input.text.unicodeScalars)
        return .entities(
            TaggedSpan.all(in: tags).map { span in
                let (start, end) = (words[span.words.lowerBound].start, words[span.words.upperBound - 1].end)
                let known = scores[span.words].compactMap { $0 }
                var text = String.UnicodeScalarView()
                text.append(contentsOf: scalars[start..<end])
                return Prediction.Entity(
                    text: String(text), label: span.type, start: start, end: end,
                    score: known.reduce(0, +) / Float(known.count))
            })
    }

    /// The probability of each tag.
    public func probabilities(of outputs: Matrix) -> Matrix { SoftmaxCrossEntropy.probabilities(outputs) }
}
