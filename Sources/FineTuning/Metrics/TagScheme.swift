/// A way of writing entities as tags, for who wants only those that are written by its rules to count.
public enum TagScheme: String, Sendable, CaseIterable {
    /// `B-` begins an entity, `I-` of its type goes on (IOB2).
    case bio
    /// `S-` is an entity by itself; `B-`, any number of `I-`, and `E-`, all of one type, are another.
    case iobes
}
