import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// The head's two files in an adapter folder: `head_config.json` with its kind, the label names, the pooling and the layers,
/// `head.safetensors` with `weight` [labels, hidden] and `bias` [labels], and the tensors of other layers where it has any. A head
/// without layers has the first one alone.
///
/// They stand beside PEFT's own files, which PEFT opens without looking at them: PEFT would keep a head only as a module
/// of a task model, without label names, and then no longer open the folder on the bare encoder.
public struct HeadFiles: Sendable, Equatable {
    /// What the head learned to say.
    public let objective: Objective
    /// Label names in the order of the rows of `weight`; none of a head that says no label.
    public let labels: [String]
    /// How hidden states become the vector that the head sees; nil for a head that sees each token.
    public let pooling: Pooling?
    /// The layers before the output layer.
    public let shape: HeadShape
    /// The probability above which a text has a label; nil for a head that does not say several.
    public let threshold: Float?
    /// The width of the vectors that the head sees.
    private let width: Int
    /// Tokens that texts were cut to in training, or that windows had, and have again.
    public let maximumTokens: Int
    /// The base that the head was trained on; nil if it is not recorded.
    public let fingerprint: BaseFingerprint?
    /// The values of all layers by the names of their tensors; vectors are single rows.
    public let tensors: [String: Matrix]

    static let configName = "head_config.json"
    static let weightsName = "head.safetensors"

    /// The head with its values.
    public init(
        _ head: any Head, _ values: ParameterVector, maximumTokens: Int, on encoder: TransformerEncoder
    ) {
        fingerprint = encoder.fingerprint
        (objective, labels, pooling, shape) = (head.objective, head.labels, head.pooling, head.network.shape)
        threshold = (head as? MultilabelHead)?.threshold
        width = pooling?.width(hiddenSize: encoder.config.hiddenSize) ?? encoder.config.hiddenSize
        self.maximumTokens = maximumTokens
        tensors = Dictionary(
            uniqueKeysWithValues: head.parameters.map { (HeadFiles.tensorName(of: $0), values[$0]) })
    }

    private init(_ other: HeadFiles, _ fingerprint: BaseFingerprint) {
        (objective, labels, pooling, shape) = (other.objective, other.labels, other.pooling, other.shape)
        (threshold, width) = (other.threshold, other.width)
        (maximumTokens, tensors, self.fingerprint) = (other.maximumTokens, other.tensors, fingerprint)
    }

    /// The same head for another encoder: one that the task's adapters were merged into.
    func moved(to encoder: TransformerEncoder) -> HeadFiles { HeadFiles(self, encoder.fingerprint) }

    /// Whether a folder has a head.
    public static func exist(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: configName).path(percentEncoded: false))
    }

    /// What a parameter's tensor is called in the file: "weight", "dense.bias".
    static func tensorName(of parameter: Parameter) -> String { String(parameter.name.dropFirst("head.".count)) }

    /// The number of values of all layers.
    public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.count } }

    /// Reads both files of a folder, for an encoder of the given width, or of any if that is nil.
    ///
    /// - Throws: ``HeadError`` naming the file, and the field or tensor.
    public init(contentsOf folder: URL, hiddenSize: Int?) throws(HeadError) {
        do {
            let fields = try JSONFields(contentsOf: folder.appending(path: HeadFiles.configName))
            objective = try fields.choice("head_type", of: Objective.allCases.map { ($0.rawValue, $0) })
            labels = try fields.names("labels")
            pooling = objective != .tagging ? Pooling(try Pooling.modes("pooling", fields)) : nil
            shape = try HeadShape(fields)
            maximumTokens = try fields.positive("max_tokens")
            fingerprint = try fields.text("base_fingerprint").map { BaseFingerprint($0) }
            if objective == .regression || objective == .similarity {
                try fields.check(
                    "labels", labels, "none: a head for \(objective.rawValue) says no label", labels.isEmpty)
            } else {
                let areDistinct = !labels.isEmpty && Set(labels).count == labels.count
                try fields.check("labels", labels, "label names, each once", areDistinct)
            }
            threshold =
                objective == .multilabel
                ? try fields.number("threshold", default: MultilabelHead.usualThreshold, in: 0...0.9999) : nil
            let found = try fields.positive("hidden_size")
            width = hiddenSize.map { [pooling] in pooling?.width(hiddenSize: $0) ?? $0 } ?? found
            // Of other heads the tensors say it.
            if objective == .similarity {
                try fields.check("hidden_size", found, "\(width), the width of what the encoder gives", found == width)
            }
            let areTags = objective != .tagging || labels.allSatisfy { Tag($0)?.name == $0 }
            try fields.check("labels", labels, "tags: O, or B-, I-, E- or S- and a type", areTags)
        } catch { throw .configuration(error) }
        let url = folder.appending(path: HeadFiles.weightsName)
        let name = url.path(percentEncoded: false)
        let head = HeadFiles.head(objective, labels, pooling, shape, threshold, width: width)
        guard !head.parameters.isEmpty else {
            tensors = [:]
            return
        }
        do {
            let file = try SafetensorsFile(contentsOf: url)
            let expected = head.parameters.map(HeadFiles.tensorName)
            for tensor in file.names where !expected.contains(tensor) {
                throw HeadError.unexpectedTensor(file: name, tensor: tensor, expected: expected)
            }
            var tensors: [String: Matrix] = [:]
            for parameter in head.parameters {
                let tensor = try file.tensor(named: HeadFiles.tensorName(of: parameter))
                let extents = HeadNetwork.extents(of: parameter)
                guard tensor.shape == extents else {
                    throw HeadError.wrongShape(
                        file: name, tensor: tensor.name, found: tensor.shape, expected: extents)
                }
                let values = try tensor.floats()
                try HeadError.checkFinite(values, file: name, tensor: tensor.name)
                tensors[tensor.name] = Matrix(rows: parameter.rows, columns: parameter.columns, values: values)
            }
            self.tensors = tensors
        } catch let error as HeadError { throw error } catch let error as SafetensorsError {
            throw .weights(error)
        } catch { preconditionFailure("reading tensors throws no other errors") }
    }

    /// The head and its values, as a model needs them.
    public var head: (head: any Head, values: ParameterVector) {
        let head = HeadFiles.head(objective, labels, pooling, shape, threshold, width: width)
        var values = ParameterVector(head.parameters)
        for parameter in head.parameters {
            values[parameter] = tensors[HeadFiles.tensorName(of: parameter)] ?? values[parameter]
        }
        return (head, values)
    }

    private static func head(
        _ objective: Objective, _ labels: [String], _ pooling: Pooling?, _ shape: HeadShape, _ threshold: Float?,
        width: Int
    ) -> any Head {
        guard let pooling else { return TaggingHead(labels: labels, hiddenSize: width, shape: shape) }
        let hiddenSize = width / pooling.modes.count
        switch objective {
        case .classification:
            return ClassificationHead(labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: shape)
        case .multilabel:
            return MultilabelHead(
                labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: shape,
                threshold: threshold ?? MultilabelHead.usualThreshold)
        case .regression: return RegressionHead(hiddenSize: hiddenSize, pooling: pooling, shape: shape)
        case .similarity: return SimilarityHead(hiddenSize: hiddenSize, pooling: pooling)
        case .tagging: preconditionFailure("a head that sees each token has no pooling")
        }
    }

    /// Writes both files into `folder`, which exists.
    package func write(into folder: URL) throws(HeadError) {
        var config: [String: Any] = [
            "head_type": objective.rawValue, "labels": labels, "max_tokens": maximumTokens,
            "hidden_size": width, "base_fingerprint": fingerprint?.description ?? NSNull(),
        ]
        if let modes = pooling?.modes.map(\.rawValue) { config["pooling"] = modes.count == 1 ? modes[0] : modes as Any }
        if let threshold { config["threshold"] = Double("\(threshold)") ?? Double(threshold) }
        config.merge(shape.fields) { _, new in new }
        do { try AtomicFile.write(JSONFields.encoded(config), to: folder.appending(path: HeadFiles.configName)) } catch
        {
            throw .files(error)
        }
        guard !tensors.isEmpty else { return }
        var writer = SafetensorsWriter()
        for parameter in head.head.parameters {
            let name = HeadFiles.tensorName(of: parameter)
            guard let tensor = tensors[name] else { preconditionFailure("a head has values for all its layers") }
            writer.add(name, shape: HeadNetwork.extents(of: parameter), floats: tensor.values)
        }
        do { try writer.write(to: folder.appending(path: HeadFiles.weightsName)) } catch { throw .weights(error) }
    }
}
