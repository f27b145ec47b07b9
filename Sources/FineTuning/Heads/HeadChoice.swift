/// What a task's head is, and what it starts from.
public enum HeadChoice: String, Sendable, CaseIterable {
    /// A linear layer on the pooled states, or on each token's, from random values.
    case linear
    /// RoBERTa's layers, whatever the encoder's family: dropout, a dense layer, tanh, dropout, a linear layer; from random
    /// values.
    case twoLayer = "two-layer"
    /// The layers that transformers' task models of the encoder's family have, from random values, but for what the bare model
    /// has of them, as BERT's pooler.
    case transformers
    /// The head that the model folder has, from its values.
    case checkpoint
}
