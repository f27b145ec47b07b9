import Encoders
import Files
import Foundation
import Matrices

/// What the frozen part of a stage gives of its texts, below all that trains: computed when a text is first needed, as in
/// inference, and kept for the epochs after.
///
/// What training comes to does not depend on where features are kept, nor on whether they are.
struct FrozenFeatures: Sendable {
    /// One of the things that are kept of a text.
    struct Kind: Sendable {
        /// Rows of each text; 0 for a text that has none of this kind.
        let rowCounts: [Int]
        let columns: Int
    }

    /// Tokens of each text.
    private let lengths: [Int]
    private let kinds: [Kind]
    private let compute: @Sendable (_ texts: [Int]) -> [Matrix]
    /// One for each kind; nil where nothing is kept.
    private var stores: [FeatureStore]?
    private var isKept: [Bool]

    /// Tokens that are computed ahead at a time: enough for all threads, however few tokens a step has.
    private static let tokensAhead = 16_384

    /// The features of texts of so many tokens, none of them computed yet. `compute` gives those of some texts, end to end, a
    /// matrix for each kind; until there is a place to keep them, it is asked whenever they are.
    init(lengths: [Int], _ kinds: [Kind], compute: @escaping @Sendable (_ texts: [Int]) -> [Matrix]) {
        (self.lengths, self.kinds, self.compute) = (lengths, kinds, compute)
        isKept = [Bool](repeating: false, count: lengths.count)
    }

    /// The room that they take.
    var byteCount: Int {
        kinds.reduce(0) { $0 + FeatureStore.byteCount(rowCounts: $1.rowCounts, columns: $1.columns) }
    }

    /// Keeps them in `place` from now on.
    ///
    /// - Throws: if the system has no such room.
    mutating func keep(in place: ScratchSpace.Place) throws(FilesError) {
        var stores: [FeatureStore] = []
        for kind in kinds {
            stores.append(try FeatureStore(rowCounts: kind.rowCounts, columns: kind.columns, in: place))
        }
        self.stores = stores
    }

    /// Computes what is not there yet of the first of these steps, and with it of so many after it as keep all threads busy.
    ///
    /// - Parameter steps: the texts of each.
    /// - Throws: if the disk is full.
    mutating func prepare(_ steps: some Sequence<[Int]>) throws(FilesError) {
        guard stores != nil else { return }
        var (missing, isMissing, tokens, isFirst) = ([Int](), Set<Int>(), 0, true)
        for step in steps {
            let new = step.filter { !isKept[$0] && isMissing.insert($0).inserted }
            if isFirst && new.isEmpty { return }
            isFirst = false
            tokens += new.reduce(0) { $0 + lengths[$1] }
            guard missing.isEmpty || tokens <= FrozenFeatures.tokensAhead else { break }
            missing += new
        }
        try keep(missing)
    }

    /// Computes all that is not there yet.
    ///
    /// - Throws: if the disk is full.
    mutating func prepareAll() throws(FilesError) {
        guard stores != nil else { return }
        try keep(lengths.indices.filter { !isKept[$0] })
    }

    private mutating func keep(_ missing: [Int]) throws(FilesError) {
        guard let stores, !missing.isEmpty else { return }
        let parts = Batching.parts(missing, lengths: lengths)
        let results = Batching.map(parts.count) { part in
            Result { () throws(FilesError) in
                for (store, rows) in zip(stores, compute(parts[part])) { try store.put(rows, of: parts[part]) }
            }
        }
        for result in results { try result.get() }
        for text in missing { isKept[text] = true }
    }

    /// The features of one kind of some texts, end to end; they have been prepared.
    func features(_ kind: Int, of texts: [Int]) -> Matrix {
        guard let stores else { return compute(texts)[kind] }
        precondition(texts.allSatisfy { isKept[$0] }, "features are read once they are there")
        return stores[kind].rows(of: texts)
    }
}
