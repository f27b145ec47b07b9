/// What adapters of blocks take for a block's result and for the residual, which AdapterHub's library does by family.
enum BlockWiring: Sendable {
    /// The result of the block, and the residual stream that it is added to.
    case stream
    /// The same, but around attention the two change places.
    case exchangedAroundAttention
    /// The result of the block, and what the block reads: behind a norm, of which the stream is free. The encoder itself adds
    /// what comes of it to the stream.
    case blockInput
}
