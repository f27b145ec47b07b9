import Encoders
import Foundation
import Matrices

/// Makes one adapter of several on the same encoder: Σ w ΔW, exactly, at best, approximately, or pruned.
///
/// ```swift
/// let both = try Combining(.cat).combine([.init("a", a, weight: 0.7), .init("b", b, weight: -0.3)], on: encoder)
/// ```
/// Whatever is a change of weights takes part: LoRA of any rank and scale, DoRA, and what else can be merged, and parts that
/// were unfrozen, which are added number by number. One adapter with weight 1 comes out as it is, by every method.
public struct Combining: Sendable {
    /// How.
    public var method: CombiningMethod
    /// The rank of the new adapter; nil: as many as ``energy`` takes, or the largest of those that are combined. ``CombiningMethod/cat``
    /// and ``CombiningMethod/linear`` have ranks of their own.
    public var rank: Int?
    /// The share of Σ σ² of each map's change that the new adapter has at least; nil: ``rank`` counts.
    public var energy: Double?
    /// The share of numbers that pruning leaves; nil: one half.
    public var density: Double?
    /// Where random choices come from.
    public var seed: UInt64

    /// What ``density`` is where nothing is said.
    public static let usualDensity = 0.5

    /// A way to combine.
    public init(
        _ method: CombiningMethod, rank: Int? = nil, energy: Double? = nil, density: Double? = nil, seed: UInt64 = 0
    ) {
        precondition(rank.map { $0 > 0 } ?? true, "a rank is 1 or more")
        precondition(density.map { 0...1 ~= $0 } ?? true, "a density is a share")
        precondition(energy.map { 0...1 ~= $0 } ?? true, "an energy is a share")
        (self.method, self.rank, self.energy, self.density, self.seed) = (method, rank, energy, density, seed)
    }

    /// One of the adapters that are combined.
    public struct Part: Sendable {
        /// What errors call it.
        public var name: String
        /// The adapter, read for the encoder.
        public var bundle: AdapterBundle
        /// What its change is multiplied by: below zero it is taken away.
        public var weight: Double

        /// An adapter and its weight.
        public init(_ name: String, _ bundle: AdapterBundle, weight: Double) {
            (self.name, self.bundle, self.weight) = (name, bundle, weight)
        }
    }

    /// Whether one part comes out as it is.
    private func isIdentity(_ parts: [Part]) -> Bool {
        parts.count == 1 && parts[0].weight == 1 && rank == nil && energy == nil && (density ?? 1) == 1
    }

    /// The combination.
    ///
    /// - Throws: ``CombiningError`` naming the part of the adapter that is no change of weights, or not of the kind that the method
    ///   takes.
    public func combine(
        _ parts: [Part], on encoder: TransformerEncoder
    ) throws(CombiningError) -> Combination {
        guard !parts.isEmpty else { throw .nothingToCombine }
        if !method.prunes, density != nil { throw .unsuitable(setting: "density", method: method) }
        if method.needsFactors, rank != nil { throw .unsuitable(setting: "rank", method: method) }
        if method.needsFactors, energy != nil { throw .unsuitable(setting: "energy", method: method) }
        if isIdentity(parts) { return Combination(asItIs: parts[0].bundle) }
        var vectors: [(vector: TaskVector, part: Part)] = []
        for part in parts {
            vectors.append((try TaskVector(part.bundle, named: part.name, on: encoder), part))
        }
        let sites = Set(vectors.flatMap(\.vector.maps.keys)).sorted()
        let made = Parallel.map(sites.count) { index in
            Result { () throws(CombiningError) in try combineMap(sites[index], vectors) }
        }
        var maps: [Site: CombinedMap] = [:]
        for (site, result) in zip(sites, made) {
            if let map = try result.get() { maps[site] = map }
        }
        let tensors = Set(vectors.flatMap(\.vector.tensors.keys)).sorted { "\($0)" < "\($1)" }
        var changes: [FrozenTensor: DoubleMatrix] = [:]
        for tensor in tensors {
            let parts = vectors.compactMap { vector, part in
                vector.tensors[tensor].map { (change: $0, weight: part.weight) }
            }
            let change = pruning(parts.count).combine(parts, named: "\(tensor)")
            guard change.largestMagnitude.isFinite else { throw .notFinite(part: "\(tensor)") }
            changes[tensor] = change
        }
        guard !maps.isEmpty || !changes.isEmpty else { throw .nothingLeft }
        return Combination(maps, changes, on: encoder, baseModel: parts[0].bundle.configuration.baseModel)
    }

    private func pruning(_ count: Int) -> Pruning {
        Pruning(method: method, density: density ?? (count > 1 ? Combining.usualDensity : 1), seed: seed)
    }

    // MARK: One linear map

    /// What becomes of one linear map; nil: nothing.
    private func combineMap(
        _ site: Site, _ vectors: [(vector: TaskVector, part: Part)]
    ) throws(CombiningError) -> CombinedMap? {
        var parts: [(change: WeightChange, weight: Double)] = []
        for (vector, part) in vectors {
            guard let change = vector.maps[site] else { continue }
            if method.needsFactors, change.rank == nil {
                throw .notOfLowRank(adapter: part.name, part: site.description, method: method)
            }
            guard change.squaredNorm.isFinite else { throw .notFinite(part: site.description) }
            parts.append((change, part.weight))
        }
        let meant =
            method.prunes
            ? WeightChange.dense(
                pruning(vectors.count).combine(
                    parts.map { (change: $0.change.dense, weight: $0.weight) }, named: site.description))
            : WeightChange.sum(parts)
        switch method {
        case .cat:
            guard let factors = meant.factors else { preconditionFailure("factors side by side are factors") }
            return CombinedMap(meant, as: factors)
        case .linear: return CombinedMap(meant, as: Combining.linear(parts))
        case .svd, .ties, .dare, .dareTies, .magnitude:
            let ranks = parts.compactMap(\.change.rank)
            guard let wanted = rank ?? (energy == nil ? ranks.max() : .max) else {
                throw .rankNeeded(part: site.description)
            }
            return CombinedMap(meant, rank: wanted, energy: energy)
        }
    }

    /// PEFT's: the factors of each multiplied by √|w s|, one of them by the sign, and added, shorter ones filled up with zeros.
    private static func linear(_ parts: [(change: WeightChange, weight: Double)]) -> LowRankFactors {
        let factors = parts.compactMap { part in part.change.factors.map { ($0, part.weight * $0.scale) } }
        let rank = factors.map(\.0.rank).max() ?? 0
        guard let first = factors.first?.0 else { preconditionFailure("there are factors to add") }
        var left = DoubleMatrix(rows: first.left.rows, columns: rank)
        var right = DoubleMatrix(rows: rank, columns: first.right.columns)
        for (factors, weight) in factors {
            let root = abs(weight).squareRoot()
            for index in 0..<factors.rank {
                for row in 0..<left.rows { left[row, index] += root * factors.left[row, index] }
                for column in 0..<right.columns {
                    right[index, column] += (weight < 0 ? -root : root) * factors.right[index, column]
                }
            }
        }
        return LowRankFactors(left: left, right: right)
    }
}
