import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// The head that AdapterHub's library keeps beside an adapter: `head_config.json`, which has an object `config` there, and
/// `model_head.safetensors`.
enum AdapterHubHead {
    private static let weightsName = "model_head.safetensors"

    /// Whether `head_config.json` of a folder is the library's and not Graft's.
    static func exists(in folder: URL) -> Bool {
        let url = folder.appending(path: HeadFiles.configName)
        return (try? JSONFields(contentsOf: url))?.value("config") != nil
    }

    /// The head as Graft has it: of the first token of a text, or of each token. Texts are cut to `maximumTokens`, of which the
    /// library says nothing.
    ///
    /// - Throws: ``HeadError`` for a kind of head that Graft does not have, or a tensor that does not fit.
    static func read(
        _ folder: URL, on encoder: TransformerEncoder, maximumTokens: Int
    ) throws(HeadError) -> HeadFiles {
        let (head, name, hasBias): (any Head, String, Bool)
        do throws(JSONFieldsError) {
            let fields = try JSONFields(contentsOf: folder.appending(path: HeadFiles.configName))
            guard let own = try fields.object("config") else {
                throw .missingField(file: fields.file, field: "config")
            }
            name = try fields.required("name", fields.text("name"))
            hasBias = try own.flag("bias", default: true)
            head = try self.head(own, encoder.config)
        } catch { throw .configuration(error) }
        let url = folder.appending(path: weightsName)
        let path = url.path(percentEncoded: false)
        var values = ParameterVector(head.parameters)
        let isDeep = head.network.shape.dense != nil
        do {
            let file = try SafetensorsFile(contentsOf: url)
            var expected: [String] = []
            for parameter in head.parameters {
                // A sequence of dropout, layer and activation; of two layers the first is at 1, the second at 4.
                let own = HeadFiles.tensorName(of: parameter)
                let isDense = own.hasPrefix("dense.")
                let kind = own.hasSuffix("bias") ? "bias" : "weight"
                let tensorName = "heads.\(name).\(isDense || !isDeep ? 1 : 4).\(kind)"
                if kind == "bias", !isDense, !hasBias { continue }
                expected.append(tensorName)
                let tensor = try file.tensor(named: tensorName)
                let extents = HeadNetwork.extents(of: parameter)
                guard tensor.shape == extents else {
                    throw HeadError.wrongShape(file: path, tensor: tensorName, found: tensor.shape, expected: extents)
                }
                let numbers = try tensor.floats()
                try HeadError.checkFinite(numbers, file: path, tensor: tensorName)
                values[parameter] = Matrix(rows: parameter.rows, columns: parameter.columns, values: numbers)
            }
            if let tensor = file.names.first(where: { !expected.contains($0) }) {
                throw HeadError.unexpectedTensor(file: path, tensor: tensor, expected: expected)
            }
        } catch let error as HeadError { throw error } catch let error as SafetensorsError {
            throw .weights(error)
        } catch { preconditionFailure("reading tensors throws no other errors") }
        return HeadFiles(head, values, maximumTokens: maximumTokens, on: encoder)
    }

    private static func head(_ fields: JSONFields, _ config: EncoderConfig) throws(JSONFieldsError) -> any Head {
        try fields.checkNames([
            "head_type", "num_labels", "layers", "activation_function", "label2id", "bias", "dropout_prob",
        ])
        let kind = try fields.choice(
            "head_type",
            of: [
                ("classification", Objective.classification), ("multilabel_classification", .multilabel),
                ("tagging", .tagging),
            ])
        let count = try fields.positive("num_labels")
        let layers = try fields.positive("layers", default: 1)
        try fields.check("layers", layers, "1 or 2", layers <= 2)
        let dropout = try fields.number("dropout_prob", default: config.hiddenDropout, in: 0...0.99)
        var shape = HeadShape.linear
        if layers == 2 {
            let function = try fields.choice(
                "activation_function", default: "identity",
                of: ElementFunction.allCases.map { ($0.rawValue, $0) } + [("swish", .silu), ("gelu_new", .geluTanh)])
            shape = HeadShape(inputDropout: dropout, dense: .init(function), outputDropout: dropout)
        } else {
            shape.outputDropout = dropout
        }
        let labels = try self.labels(fields, count)
        switch kind {
        case .tagging:
            let areTags = labels.allSatisfy { Tag($0)?.name == $0 }
            try fields.check("label2id", labels, "tags: O, or B-, I-, E- or S- and a type", areTags)
            return TaggingHead(labels: labels, hiddenSize: config.hiddenSize, shape: shape)
        case .multilabel:
            return MultilabelHead(labels: labels, hiddenSize: config.hiddenSize, pooling: .cls, shape: shape)
        default:
            // The library learns a number where there is one label.
            return count == 1
                ? RegressionHead(hiddenSize: config.hiddenSize, pooling: .cls, shape: shape)
                : ClassificationHead(labels: labels, hiddenSize: config.hiddenSize, pooling: .cls, shape: shape)
        }
    }

    /// The names of labels in the order of their ids; LABEL_0 and so on where there are none, as transformers has it.
    private static func labels(_ fields: JSONFields, _ count: Int) throws(JSONFieldsError) -> [String] {
        let ids = try fields.numbers("label2id")
        guard !ids.isEmpty else { return (0..<count).map { "LABEL_\($0)" } }
        let names = ids.sorted { $0.value < $1.value }.map(\.key)
        let isWhole = ids.values.sorted() == (0..<count).map(Double.init)
        try fields.check("label2id", ids.count, "each of the ids 0 to \(count - 1) once", isWhole)
        return names
    }
}
