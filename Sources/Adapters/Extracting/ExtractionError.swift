import Encoders
import Safetensors

/// Why no adapter can be made of two checkpoints.
public enum ExtractionError: Error, Sendable {
    /// The encoders have other shapes; a field of their configuration with both values.
    case otherShape(field: String, found: String, expected: String)
    /// Both encoders have the same numbers, or what differs is left out.
    case nothingDiffers
    /// A difference that is no finite number.
    case notFinite(tensor: String)
    /// A checkpoint cannot be read.
    case checkpoint(SafetensorsError)
}

extension ExtractionError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .otherShape(let field, let found, let expected):
            "the tuned model's \(field) is \(found), the base's is \(expected): an adapter is the difference of models of one shape"
        case .nothingDiffers:
            "nothing to extract: all that is to be kept of the tuned model has the numbers of the base"
        case .notFinite(let tensor):
            "'\(tensor)' of the tuned model has numbers that are infinite or none; it is broken"
        case .checkpoint(let error): "\(error)"
        }
    }

    /// Throws where encoders of these configurations have tensors of other extents.
    static func check(_ tuned: EncoderConfig, _ base: EncoderConfig) throws(ExtractionError) {
        let facts: [(field: String, found: String, expected: String)] = [
            ("family", tuned.family.modelType, base.family.modelType),
            ("number of layers", "\(tuned.distinctLayers)", "\(base.distinctLayers)"),
            ("width", "\(tuned.hiddenSize)", "\(base.hiddenSize)"),
            ("linear maps", names(tuned), names(base)),
            ("vocabulary size", "\(tuned.vocabularySize)", "\(base.vocabularySize)"),
            ("width of embeddings", "\(tuned.embeddingSize)", "\(base.embeddingSize)"),
            ("tables of embeddings", tables(tuned), tables(base)),
        ]
        if let fact = facts.first(where: { $0.found != $0.expected }) {
            throw .otherShape(field: fact.field, found: fact.found, expected: fact.expected)
        }
    }

    private static func names(_ config: EncoderConfig) -> String {
        config.projections.map { projection in
            let extents = config.extents(of: projection).map { "\($0.outputs)×\($0.inputs)" } ?? ""
            return "\(projection.rawValue) \(extents)"
        }.joined(separator: ", ")
    }

    private static func tables(_ config: EncoderConfig) -> String {
        config.embeddingTables.map { table in
            let extents = config.extents(of: table).map { "\($0.rows)×\($0.columns)" } ?? ""
            return "\(table.rawValue) \(extents)"
        }.joined(separator: ", ")
    }
}
