/// What a head learns to say about a text.
public enum Objective: String, Sendable, CaseIterable {
    /// One class of several.
    case classification
    /// Any number of classes.
    case multilabel
    /// A number.
    case regression
    /// One class for each word.
    case tagging
    /// How alike two texts are: a number.
    case similarity
}
