import Files

/// An architecture that Graft runs: how its `config.json` is read, what its tensors are called, and where adapters go.
///
/// What tells families apart is values: adding one means a file of them in `Families`, a line in ``all``, and a fixture.
public struct EncoderFamily: Sendable {
    /// `model_type` in `config.json`.
    public let modelType: String
    /// The linear maps that adapters go to where nobody says otherwise.
    public let adapterTargets: [Projection]
    /// What the fields of a config mean, or which of them Graft does not support.
    let config: @Sendable (JSONFields) throws(JSONFieldsError) -> EncoderConfig
    /// What tensors and modules are called.
    let names: @Sendable (EncoderConfig) -> CheckpointNames

    /// All families, in the order in which people are told of them.
    public static let all: [EncoderFamily] = [
        .bert, .distilbert, .roberta, .xlmRoberta, .camembert, .mpnet, .electra, .albert,
        .deberta, .modernBert, .t5,
    ]
}

extension EncoderFamily: Equatable {
    /// Whether both are the same architecture.
    public static func == (left: EncoderFamily, right: EncoderFamily) -> Bool { left.modelType == right.modelType }
}
