/// A part of an encoder, from the bottom up.
public enum EncoderPart: Sendable, Hashable, Comparable {
    /// The tables, their norm and their projection.
    case embeddings
    /// The layer that runs at this place, from 0. The norm behind the last layer belongs to that.
    case layer(Int)
}
