/// What a trained parameter is of: where it lies in the model, and what part it plays there.
///
/// Learning rates and weight decay go by it (``LearningRates``), and so does what a report says about what trained.
public struct ParameterPlace: Sendable, Hashable {
    /// The part of the model.
    public var part: Part
    /// The layer, counted from the bottom; nil for embeddings, which lie below all, and heads, which stand above all.
    public var layer: Int?
    /// Whether it is what starts at zero, LoRA's B and its like, and takes LoRA+'s higher rate.
    public var isUpper: Bool
    /// Whether it is a vector, as biases and the weights of norms are: these are not decayed.
    public var isVector: Bool

    /// Whether it is a bias: of a linear map, or of a norm.
    public var isBias: Bool
    /// Whether it never trains, though it is saved with what does: A of LoRA-FA.
    public var isFixed: Bool

    /// The parts of a model that may train.
    public enum Part: String, Sendable, CaseIterable {
        /// Adapters: LoRA and other methods.
        case adapters
        /// Heads.
        case heads
        /// Weights of the encoder's linear maps.
        case layers
        /// Tables of the embeddings, and the weight that projects them.
        case embeddings
        /// Norms.
        case norms
        /// Biases of linear maps.
        case biases
    }

    /// A place, in no layer and a matrix unless something else is said.
    public init(
        part: Part, layer: Int? = nil, isUpper: Bool = false, isVector: Bool = false, isBias: Bool = false,
        isFixed: Bool = false
    ) {
        (self.part, self.layer, self.isUpper, self.isVector) = (part, layer, isUpper, isVector)
        (self.isBias, self.isFixed) = (isBias, isFixed)
    }
}
