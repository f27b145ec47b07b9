import Encoders

/// What llama.cpp calls the architectures and linear maps of encoders.
struct GGUFNames {
    /// `general.architecture`
    let architecture: String
    private let layer: String
    private let names: [Projection: String]

    /// Families by the architecture that llama.cpp runs them as.
    private static let architectures: [(families: [EncoderFamily], names: GGUFNames)] = [
        (
            [.bert, .distilbert, .roberta, .xlmRoberta, .camembert],
            GGUFNames(
                architecture: "bert", layer: "blk",
                names: [
                    .query: "attn_q", .key: "attn_k", .value: "attn_v", .attentionOutput: "attn_output",
                    .intermediate: "ffn_up", .output: "ffn_down",
                ])
        ),
        (
            [.modernBert],
            GGUFNames(
                architecture: "modern-bert", layer: "blk",
                names: [
                    .queryKeyValue: "attn_qkv", .attentionOutput: "attn_output", .intermediate: "ffn_up",
                    .output: "ffn_down",
                ])
        ),
        (
            [.t5],
            GGUFNames(
                architecture: "t5encoder", layer: "enc.blk",
                names: [
                    .query: "attn_q", .key: "attn_k", .value: "attn_v", .attentionOutput: "attn_o",
                    .gate: "ffn_gate", .intermediate: "ffn_up", .output: "ffn_down",
                ])
        ),
    ]

    private init(architecture: String, layer: String, names: [Projection: String]) {
        (self.architecture, self.layer, self.names) = (architecture, layer, names)
    }

    /// The names for encoders of a family.
    ///
    /// - Throws: ``AdapterConversionError/noArchitecture(family:known:)``
    init(for family: EncoderFamily) throws(AdapterConversionError) {
        guard let known = GGUFNames.architectures.first(where: { $0.families.contains(family) }) else {
            throw .noArchitecture(
                family: family.modelType,
                known: GGUFNames.architectures.flatMap { $0.families.map(\.modelType) })
        }
        self = known.names
    }

    /// The tensor of a linear map's weight: "blk.0.attn_q.weight".
    func weight(_ site: Site) -> String {
        guard let name = names[site.projection] else {
            preconditionFailure("llama.cpp's \(architecture) has no map \(site.projection.rawValue)")
        }
        return "\(layer).\(site.layer).\(name).weight"
    }
}
