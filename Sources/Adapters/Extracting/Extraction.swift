import Encoders
import Foundation
import Matrices
import Safetensors

/// Makes a LoRA of two whole checkpoints: the best of its rank for the difference of each linear map (Eckart and Young 1936).
///
/// What else training has changed (norms, biases, embeddings) is kept as it is, number for number, or left out, as ``keeps`` says;
/// it is named either way.
public struct Extraction: Sendable {
    /// How much of each map's difference is kept.
    public var size: Size
    /// Which other parts that differ are kept whole.
    public var keeps: Set<Kept>

    /// How much of a linear map's difference is kept.
    public enum Size: Sendable, Equatable {
        /// The adapter's rank, the same for all maps.
        case rank(Int)
        /// The share of Σ σ² of each map's difference that it has at least: the rank is the map's own.
        case energy(Double)
    }

    /// Parts of an encoder beside the weights of its layers' linear maps.
    public enum Kept: String, Sendable, CaseIterable {
        /// γ and β.
        case norms
        /// Biases of linear maps.
        case biases
        /// The tables of words, positions and segments, and the map that projects them.
        case embeddings
    }

    /// An extraction. Norms and biases, which are small, are kept unless something else is said.
    public init(_ size: Size, keeps: Set<Kept> = [.norms, .biases]) {
        switch size {
        case .rank(let rank): precondition(rank > 0, "a rank is 1 or more")
        case .energy(let share): precondition(0 < share && share <= 1, "an energy is a share above 0")
        }
        (self.size, self.keeps) = (size, keeps)
    }

    /// The LoRA that makes `tuned` of `base`.
    ///
    /// - Parameters:
    ///   - baseFolder: where `base` was read from, and `tunedFolder` where `tuned` was: for what encoders keep frozen.
    ///   - baseModel: what the folder calls the base.
    /// - Throws: ``ExtractionError``: encoders of other shapes, no difference at all, or numbers that are not finite.
    public func extract(
        from tuned: TransformerEncoder, over base: TransformerEncoder, tunedFolder: URL, baseFolder: URL,
        baseModel: String?
    ) throws(ExtractionError) -> ExtractedAdapter {
        try ExtractionError.check(tuned.config, base.config)
        let config = base.config
        let sites = (0..<config.distinctLayers).flatMap { layer in
            config.projections.map { Site(layer: layer, projection: $0) }
        }
        let made = Parallel.map(sites.count) { index in
            Result { () throws(ExtractionError) in try map(sites[index], tuned, base) }
        }
        var maps: [Site: CombinedMap] = [:]
        for (site, map) in zip(sites, made) {
            if let map = try map.get() { maps[site] = map }
        }
        var (others, changes) = ([ExtractedAdapter.Other](), [FrozenTensor: Matrix]())
        for tensor in config.tensors where !tensor.isWeightOfLayer {
            guard let (change, share) = try change(of: tensor, tuned, base) else { continue }
            let isKept = keeps.contains(tensor.kept)
            if isKept { changes[tensor] = change }
            others.append(.init(name: config.names.name(of: tensor), relativeChange: share, isKept: isKept))
        }
        others += try frozen(tunedFolder, baseFolder, config.names)
        guard !maps.isEmpty || !changes.isEmpty else { throw .nothingDiffers }
        let bundle = AdapterBundle(
            lowRank: maps.mapValues { (b: $0.b, a: $0.a, scale: $0.scale) }, changing: changes, on: base,
            baseModel: baseModel)
        return ExtractedAdapter(bundle: bundle, maps: maps, others: others.sorted { $0.name < $1.name })
    }

    /// The best LoRA for one linear map; nil where it is as it was.
    private func map(
        _ site: Site, _ tuned: TransformerEncoder, _ base: TransformerEncoder
    ) throws(ExtractionError) -> CombinedMap? {
        guard let (change, _) = try change(of: .weight(site), tuned, base) else { return nil }
        let meant = WeightChange.dense(DoubleMatrix(change))
        switch size {
        case .rank(let rank): return CombinedMap(meant, rank: rank, energy: nil)
        case .energy(let share): return CombinedMap(meant, rank: .max, energy: share)
        }
    }

    /// The difference of a tensor, and its norm as a share of the base's; nil where there is none.
    private func change(
        of tensor: FrozenTensor, _ tuned: TransformerEncoder, _ base: TransformerEncoder
    ) throws(ExtractionError) -> (Matrix, share: Double)? {
        let before = base.values(of: tensor)
        var change = tuned.values(of: tensor)
        guard change != before else { return nil }
        change.add(before, scale: -1)
        let exact = DoubleMatrix(change)
        guard exact.largestMagnitude.isFinite else {
            throw .notFinite(tensor: base.config.names.name(of: tensor))
        }
        return (change, (exact.squaredNorm / max(DoubleMatrix(before).squaredNorm, .leastNormalMagnitude)).squareRoot())
    }

    /// What differs of tensors that Graft keeps frozen: relative positions.
    private func frozen(
        _ tuned: URL, _ base: URL, _ names: CheckpointNames
    ) throws(ExtractionError) -> [ExtractedAdapter.Other] {
        do {
            let (tuned, base) = (try SafetensorsFolder(contentsOf: tuned), try SafetensorsFolder(contentsOf: base))
            let (prefix, basePrefix) = (names.prefix(of: tuned.names), names.prefix(of: base.names))
            var others: [ExtractedAdapter.Other] = []
            for name in tuned.names where name.hasPrefix(prefix) {
                let bare = String(name.dropFirst(prefix.count))
                guard names.isOfRelativePositions(bare), let before = base[basePrefix + bare] else { continue }
                let (new, old) = (try tuned.tensor(named: name).floats(), try before.floats())
                guard new != old, new.count == old.count else { continue }
                let change = zip(new, old).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
                let size = old.reduce(0.0) { $0 + Double($1) * Double($1) }
                others.append(
                    .init(
                        name: bare, relativeChange: (change / max(size, .leastNormalMagnitude)).squareRoot(),
                        isKept: false))
            }
            return others
        } catch { throw .checkpoint(error) }
    }
}

extension FrozenTensor {
    /// Whether it is the weight of a layer's linear map, which becomes a LoRA.
    fileprivate var isWeightOfLayer: Bool { if case .weight = self { true } else { false } }

    /// What has to be kept for it to be.
    fileprivate var kept: Extraction.Kept {
        switch self {
        case .normScale, .normShift: .norms
        case .bias: .biases
        case .weight, .table, .projectionWeight, .projectionBias: .embeddings
        }
    }
}
