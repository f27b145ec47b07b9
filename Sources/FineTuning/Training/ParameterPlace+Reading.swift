import Adapters
import Encoders

extension ParameterPlace {
    /// The place of a parameter of a head.
    init(ofHead parameter: Parameter) {
        self.init(part: .heads, isVector: parameter.rows == 1, isBias: parameter.name.hasSuffix(".bias"))
    }

    /// The place of a parameter of the encoder, or of what is put on it.
    init(_ place: AdapterSet.Place) {
        let part: Part =
            switch place.part {
            case .adapters: .adapters
            case .layers: .layers
            case .embeddings: .embeddings
            case .norms: .norms
            case .biases: .biases
            }
        self.init(
            part: part, layer: place.layer, isUpper: place.isUpper, isVector: place.isVector, isBias: place.isBias,
            isFixed: place.isFixed)
    }
}
