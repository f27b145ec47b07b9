import Encoders
import Files
import Foundation
import Matrices

/// What the frozen layers below all that trains give of the texts of a data set: computed when a text is first needed, as in
/// inference, and kept for the epochs after.
///
/// What training comes to does not depend on where features are kept, nor on whether they are.
struct FrozenFeatures: Sendable {
    /// The texts that the features are of.
    let texts: TrainingTexts
    /// Rows of the features of each text.
    let rowCounts: [Int]
    private let model: TaskModel
    /// nil where nothing is kept.
    private var store: FeatureStore?

    /// Tokens that are computed ahead at a time: enough for all threads, however few tokens a step has.
    private static let tokensAhead = 16_384

    /// The features of `texts`, none of them computed yet; until there is a place to keep them, they are computed whenever
    /// they are asked for.
    init(_ model: TaskModel, _ texts: TrainingTexts) {
        (self.model, self.texts) = (model, texts)
        rowCounts = texts.lengths.map(model.featureRows(ofTokens:))
    }

    /// The room that they take.
    var byteCount: Int { FeatureStore.byteCount(rowCounts: rowCounts, columns: model.featureColumns) }

    /// Keeps them in `place` from now on.
    ///
    /// - Throws: if the system has no such room.
    mutating func keep(in place: ScratchSpace.Place) throws(FilesError) {
        store = try FeatureStore(rowCounts: rowCounts, columns: model.featureColumns, in: place)
    }

    /// Computes what is not there yet of the first of these steps, and with it of so many after it as keep all threads busy.
    ///
    /// - Throws: if the disk is full.
    mutating func prepare(_ steps: ArraySlice<[Int]>) throws(FilesError) {
        guard let store, let next = steps.first, !next.allSatisfy(store.isKept) else { return }
        var (missing, tokens) = ([Int](), 0)
        for step in steps {
            let new = step.filter { !store.isKept($0) }
            tokens += texts.tokens(of: new)
            guard missing.isEmpty || tokens <= FrozenFeatures.tokensAhead else { break }
            missing += new
        }
        try compute(missing)
    }

    /// Computes all that is not there yet.
    ///
    /// - Throws: if the disk is full.
    mutating func prepareAll() throws(FilesError) {
        guard let store else { return }
        try compute(texts.texts.indices.filter { !store.isKept($0) })
    }

    private mutating func compute(_ missing: [Int]) throws(FilesError) {
        guard let store, !missing.isEmpty else { return }
        let parts = Batching.parts(missing, lengths: texts.lengths)
        let results = Batching.map(parts.count) { part in
            Result { () throws(FilesError) in
                let batch = Batching.pack(parts[part], texts.texts)
                try store.put(model.features(batch), of: parts[part])
            }
        }
        for result in results { try result.get() }
        self.store?.markKept(missing)
    }

    /// The features of some texts, whose batch is `batch`; they have been prepared.
    func features(of indices: [Int], _ batch: PackedBatch) -> Matrix {
        store?.rows(of: indices) ?? model.features(batch)
    }
}

extension TaskModel {
    /// Layers from the bottom that nothing trains in or below; without adapters all of them.
    var frozenLayers: Int { encoder.lowestLayer(changedBy: adapters) ?? encoder.config.layers }

    /// Whether features are what the head's output layer sees: the head alone trains, so of a text that it pools nobody reads
    /// the states of single tokens.
    private var poolsFeatures: Bool { adapters.isEmpty }

    /// Rows of the features of a text of so many tokens.
    fileprivate func featureRows(ofTokens count: Int) -> Int { poolsFeatures ? head.rows(ofTokens: count) : count }

    /// The width of the features.
    fileprivate var featureColumns: Int { poolsFeatures ? head.network.inputs : encoder.config.hiddenSize }

    /// What the frozen layers give of a batch, as in inference: the states that enter the lowest adapted layer, or, where
    /// the head alone trains, the rows that its output layer sees.
    func features(_ batch: PackedBatch) -> Matrix {
        let states = encoder.states(entering: frozenLayers, batch)
        return poolsFeatures ? head.pool(states, batch).pooled : states
    }

    /// The head's outputs from the features of a batch, and the way back to the gradients of what trains.
    func forward(from features: Matrix, _ batch: PackedBatch, _ pass: Pass) -> (outputs: Matrix, pullback: Pullback) {
        if poolsFeatures {
            let (outputs, pullback) = head.network.forward(features, pass)
            return (outputs, pullback)
        }
        let (hidden, pullback) = encoder.forward(
            features, entering: frozenLayers, batch, adapters: adapters, pass)
        return outputs(of: hidden, batch, pass, encoderPullback: pullback)
    }
}
