import Foundation
import Matrices

/// What the distance of two tokens is to attention, where the embeddings do not say it all. Frozen, and shared by layers.
struct AttentionPositions: Sendable {
    /// Added to each score for the distance alone (T5, MPNet).
    var bias: PositionBias?
    /// What queries and keys are turned by (ModernBERT).
    var rotary: RotaryPositions?
    /// How far away a token may be to be attended to; nil: any.
    var reach: Int?
    /// What scores are multiplied by; nil: 1/√width.
    var scale: Float?
}

extension EncoderConfig {
    /// A bias learned for ranges of distances, one for each head (Raffel et al. 2020).
    struct RelativeBias: Sendable, Equatable {
        let buckets, maximumDistance: Int

        /// The row of the table for a distance, key's position − query's: each small distance has its own, further ones share
        /// them by their logarithm; half of the rows are for keys behind the query.
        func bucket(_ distance: Int) -> Int {
            let half = buckets / 2
            let (size, exact) = (abs(distance), half / 2)
            guard size >= exact else { return (distance > 0 ? half : 0) + size }
            // In float32, as the numbers are in PyTorch.
            let share = log(Float(size) / Float(exact)) / Float(log(Double(maximumDistance) / Double(exact)))
            return (distance > 0 ? half : 0) + min(exact + Int(share * Float(half - exact)), half - 1)
        }
    }

    /// Queries and keys turned by their positions (Su et al. 2021), by another base in layers that attend nearby only.
    struct Rotary: Sendable, Equatable {
        let base, localBase: Float
    }

    /// Layers that attend to tokens at most `reach` away: all but every `period`-th, from the first on.
    struct LocalAttention: Sendable, Equatable {
        let reach, period: Int
    }

    /// Whether the layer that runs at `index` attends nearby only.
    func isLocal(_ index: Int) -> Bool { localAttention.map { index % $0.period != 0 } ?? false }
}
