import Matrices

/// What layers know of positions, read once for all of them.
struct LoadedPositions: Sendable {
    private var bias: PositionBias?
    private var rotary, localRotary: RotaryPositions?
    /// DeBERTa's, after its norm.
    private(set) var relativeTable: Matrix?

    /// Reads the table of a relative bias, and computes the turns of rotary positions.
    init(_ config: EncoderConfig, _ names: CheckpointNames, _ checkpoint: Checkpoint) throws(EncoderError) {
        let maximum = config.maximumPositions
        if let relative = config.relativeBias, let name = names.relativeBias {
            let table = try checkpoint.table(name, rows: relative.buckets, columns: config.heads)
            bias = PositionBias(heads: config.heads, maximum: maximum) { head, distance in
                table[relative.bucket(distance), head]
            }
        }
        if let disentangled = config.disentangled, let name = names.relativeTable {
            var table = try checkpoint.table(name, rows: 2 * disentangled.distances.span, columns: config.hiddenSize)
            if disentangled.normsTable, let module = names.relativeNorm {
                let norm = try checkpoint.norm(module, config, width: config.hiddenSize)
                table = norm.forward(table, isBackwardRun: false).y
            }
            relativeTable = table
        }
        if let turns = config.rotary {
            rotary = RotaryPositions(width: config.headWidth, base: turns.base, maximum: maximum)
            localRotary =
                config.localAttention == nil || turns.localBase == turns.base
                ? rotary : RotaryPositions(width: config.headWidth, base: turns.localBase, maximum: maximum)
        }
    }

    /// Those of the layer that runs at `index`.
    func positions(of index: Int, _ config: EncoderConfig) -> AttentionPositions {
        let isLocal = config.isLocal(index)
        return AttentionPositions(
            bias: bias, rotary: isLocal ? localRotary : rotary, reach: isLocal ? config.localAttention?.reach : nil,
            scale: config.attentionScale)
    }
}
