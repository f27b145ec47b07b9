import Encoders
import Foundation
import Matrices

/// An adapter that was made of several, and how near it is to what the method means.
public struct Combination: Sendable {
    /// The new adapter.
    public let bundle: AdapterBundle
    /// Each linear map that it has an adapter on; none where one adapter came out as it is.
    public let maps: [Site: CombinedMap]
    /// The changes of tensors that are added number by number.
    private let changes: [FrozenTensor: DoubleMatrix]

    /// One adapter as it is.
    init(asItIs bundle: AdapterBundle) { (self.bundle, maps, changes) = (bundle, [:], [:]) }

    init(
        _ maps: [Site: CombinedMap], _ changes: [FrozenTensor: DoubleMatrix], on encoder: TransformerEncoder,
        baseModel: String?
    ) {
        (self.maps, self.changes) = (maps, changes)
        bundle = AdapterBundle(
            lowRank: maps.mapValues { (b: $0.b, a: $0.a, scale: $0.scale) },
            changing: changes.mapValues(\.rounded), on: encoder, baseModel: baseModel)
    }

    /// ‖new adapter − meant‖ / ‖meant‖ over all linear maps together.
    public var relativeError: Double {
        let all = maps.values.reduce(0) { $0 + $1.norm * $1.norm }
        let missed = maps.values.reduce(0) { $0 + $1.lostEnergy * $1.norm * $1.norm }
        return all > 0 ? (missed / all).squareRoot() : 0
    }

    /// `encoder` with the very change that the method means in its weights: full rank, rounded once. Nil where one adapter came
    /// out as it is.
    package func meantEncoder(of encoder: TransformerEncoder) -> TransformerEncoder? {
        guard !maps.isEmpty || !changes.isEmpty else { return nil }
        var tensors: [FrozenTensor: Matrix] = [:]
        func add(_ change: DoubleMatrix, to tensor: FrozenTensor) {
            var values = DoubleMatrix(encoder.values(of: tensor))
            values.add(change)
            if let unfrozen = changes[tensor] { values.add(unfrozen) }
            tensors[tensor] = values.rounded
        }
        for (site, map) in maps { add(map.meant.dense, to: .weight(site)) }
        for (tensor, change) in changes where tensors[tensor] == nil {
            tensors[tensor] = DoubleMatrix(encoder.values(of: tensor)).sum(with: change).rounded
        }
        return encoder.replacing(tensors)
    }
}

extension DoubleMatrix {
    fileprivate func sum(with other: DoubleMatrix) -> DoubleMatrix {
        var sum = self
        sum.add(other)
        return sum
    }
}
