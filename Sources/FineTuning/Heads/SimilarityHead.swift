import Encoders
import Matrices
import Tokenizers

/// How alike two texts are: the cosine of their embeddings, each text read alone. It has no layers of its own, so what is
/// trained are the embeddings of the encoder, through all modules of the model folder.
///
/// An example is a pair of texts, with a score or without, or a triplet; each of its texts has a row.
public struct SimilarityHead: PooledHead {
    /// How hidden states become one vector a text.
    public let textPooling: Pooling
    /// The modules behind the pooling.
    private let layers: [SentenceLayer]
    /// What it trains with.
    public let similarityLoss: SimilarityLoss
    /// What the data's scores are divided by: 5 for those from 0 to 5, otherwise 1.
    public let scoreScale: Float
    /// No layers: vectors pass as they are.
    public let network: HeadNetwork
    /// What it learns: how alike texts are.
    public var objective: Objective { .similarity }
    /// It says no label.
    public var labels: [String] { [] }
    /// One text alone is like nothing.
    public var needsPairs: Bool { true }
    /// The other texts of a step are what a pair is told from.
    public var lossSeesWholeStep: Bool { true }
    /// The loss in words.
    public var lossDescription: String {
        similarityLoss.description + (scoreScale == 1 ? "" : ", scores divided by \(scoreScale)")
    }

    /// A head over hidden states of the given width, for a model folder that has no modules but its pooling.
    public init(
        hiddenSize: Int, pooling: Pooling, loss: SimilarityLoss = .ranking(MultipleNegativesRanking()),
        scoreScale: Float = 1
    ) {
        self.init(
            pooling: pooling, layers: [], width: pooling.width(hiddenSize: hiddenSize), loss, scoreScale: scoreScale)
    }

    /// A head on the embeddings of a model folder.
    public init(_ modules: SentenceModules, loss: SimilarityLoss, scoreScale: Float = 1) {
        self.init(
            pooling: modules.pooling, layers: modules.layers, width: modules.width, loss, scoreScale: scoreScale)
    }

    private init(
        pooling: Pooling, layers: [SentenceLayer], width: Int, _ loss: SimilarityLoss, scoreScale: Float
    ) {
        precondition(scoreScale > 0, "scores are divided by a number above 0")
        (textPooling, self.layers, similarityLoss, self.scoreScale) = (pooling, layers, loss, scoreScale)
        network = HeadNetwork(passing: width)
    }

    /// The same on the embeddings of a model folder.
    public func behind(_ modules: SentenceModules) -> any Head {
        SimilarityHead(modules, loss: similarityLoss, scoreScale: scoreScale)
    }

    // MARK: Reading

    /// The texts of a pair or triplet, each by itself.
    public func texts(
        of input: TextInput, _ tokenizer: any Tokenizer, limit: Int
    ) throws(TokenizerError) -> [TokenizedText] {
        var texts: [TokenizedText] = []
        for text in [input.text, input.pair, input.negative].compactMap({ $0 }) {
            texts.append(try tokenizer.tokenize(text, pairedWith: nil, limit: limit))
        }
        return texts
    }

    /// Each example's score as the data has it, where there are scores; else nothing but that its texts belong together.
    public func answers(in data: Dataset) throws(DataError) -> [KnownAnswer] {
        try data.checkPairs()
        guard data.examples.first?.label != nil else { return data.examples.map { _ in .together } }
        return try data.numbers(for: objective).map { .number(Float($0)) }
    }

    /// The place of each text, and the score of the example.
    public func targets(_ answer: KnownAnswer, of texts: [TokenizedText]) -> [Target] {
        let score: Float? = if case .number(let score) = answer { score } else { nil }
        let places: [Target.RelatedText.Place] = [.first, .second, .negative]
        return zip(places, texts).map { .related(.init($0, score: score, content: $1.contentHash)) }
    }

    // MARK: Computing

    /// One embedding a text.
    public func pool(
        _ hidden: Matrix, _ batch: PackedBatch
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix) {
        var (vectors, pullback) = textPooling.forward(hidden, batch)
        var pullbacks = [pullback]
        for layer in layers {
            (vectors, pullback) = layer.forward(vectors)
            pullbacks.append(pullback)
        }
        return (vectors, { [pullbacks] dy in pullbacks.reversed().reduce(dy) { dy, pullback in pullback(dy) } })
    }

    /// One term an example: that of its first text.
    public func lossTerms(of target: Target) -> Double { target.related.place == .first ? 1 : 0 }

    /// The mean over examples.
    public func loss(
        _ outputs: Matrix, rows: [Range<Int>], _ targets: [Target], terms: Double
    ) -> (loss: Double, dOutputs: Matrix) {
        var examples = SimilarityHead.examples(targets)
        for index in examples.indices { examples[index].score = examples[index].score.map { $0 / scoreScale } }
        let (loss, dOutputs) = similarityLoss.loss(outputs, examples, terms: terms)
        return (loss, dOutputs)
    }

    /// Which texts are of one example: with each first text another one begins.
    private static func examples(_ targets: [Target]) -> [RelatedRows] {
        var examples: [RelatedRows] = []
        for (row, target) in targets.enumerated() {
            let text = target.related
            switch text.place {
            case .first: examples.append(RelatedRows(first: row, second: row, score: text.score))
            case .second: examples[examples.count - 1].second = row
            case .negative: examples[examples.count - 1].negative = row
            }
        }
        return examples
    }

    // MARK: Answering

    /// Where there are scores, how cosines agree with them; else how well the second texts are found.
    public func scores(_ outputs: [Matrix], _ targets: [Target]) -> Scores {
        let examples = SimilarityHead.examples(targets)
        let width = network.inputs
        let embeddings = Matrix(rows: outputs.count, columns: width, values: outputs.flatMap(\.values))
        guard let score = examples.first?.score, score.isFinite else {
            return .ranking(
                RankingMetrics(embeddings, examples, contents: targets.map { $0.related.content }))
        }
        let unit = UnitRows(embeddings)
        return .similarity(
            SimilarityMetrics(
                scores: examples.map { Double($0.score ?? 0) },
                cosines: examples.map { unit.cosine($0.first, $0.second) }
            ))
    }

    /// The cosine of the first two texts.
    public func answer(_ input: TextInput, _ texts: [TokenizedText], _ outputs: [Matrix]) -> Prediction.Answer {
        precondition(outputs.count >= 2, "a similarity is one of two texts")
        let unit = UnitRows(Matrix(rows: 2, columns: network.inputs, values: outputs[0].values + outputs[1].values))
        return .similarity(Float(unit.cosine(0, 1)))
    }

    /// The embeddings at length 1.
    public func probabilities(of outputs: Matrix) -> Matrix { UnitRows(outputs).values }
}

extension TokenizedText {
    /// FNV-1a over the tokens.
    fileprivate var contentHash: UInt64 {
        ids.reduce(0xcbf2_9ce4_8422_2325) { hash, id in
            (hash ^ UInt64(UInt32(bitPattern: id))) &* 0x100_0000_01b3
        }
    }
}
