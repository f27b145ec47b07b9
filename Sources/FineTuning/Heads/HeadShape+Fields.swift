import Encoders
import Files

/// The fields of `head_config.json` that say what is before the output layer. A head of that layer alone has none of them.
extension HeadShape {
    init(_ fields: JSONFields) throws(JSONFieldsError) {
        self.init(
            inputDropout: try fields.number("input_dropout", default: 0, in: 0...0.99),
            dense: nil, outputDropout: try fields.number("output_dropout", default: 0, in: 0...0.99))
        guard fields.value("dense_function") != nil else { return }
        let functions = ElementFunction.allCases.map { ($0.rawValue, $0) }
        dense = Dense(
            try fields.choice("dense_function", of: functions),
            hasBias: try fields.flag("dense_bias", default: true))
        guard fields.value("norm_epsilon") != nil else { return }
        dense?.norm = Norm(
            epsilon: try fields.number("norm_epsilon", default: 1e-5, in: 0...1),
            hasBias: try fields.flag("norm_bias", default: true))
    }

    var fields: [String: Any] {
        var fields: [String: Any] = [:]
        // As Double, which writes the shortest digits that read back to the same Float.
        func number(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
        if inputDropout > 0 { fields["input_dropout"] = number(inputDropout) }
        if outputDropout > 0 { fields["output_dropout"] = number(outputDropout) }
        guard let dense else { return fields }
        (fields["dense_function"], fields["dense_bias"]) = (dense.function.rawValue, dense.hasBias)
        guard let norm = dense.norm else { return fields }
        (fields["norm_epsilon"], fields["norm_bias"]) = (number(norm.epsilon), norm.hasBias)
        return fields
    }
}
