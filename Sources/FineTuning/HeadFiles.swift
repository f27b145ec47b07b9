import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// The head's two files in an adapter folder: `head_config.json` with its kind, the label names and the pooling,
/// `head.safetensors` with `weight` [labels, hidden] and `bias` [labels].
///
/// They stand beside PEFT's own files, which PEFT opens without looking at them: PEFT would keep a head only as a module
/// of a task model, without label names, and then no longer open the folder on the bare encoder.
public struct HeadFiles: Sendable, Equatable {
    /// What the head learned to say.
    public let objective: Objective
    /// Label names in the order of the rows of `weight`.
    public let labels: [String]
    /// How hidden states become the vector that the head sees; nil for a head that sees each token.
    public let pooling: Pooling?
    /// Tokens that texts were cut to in training, or that windows had, and have again.
    public let maximumTokens: Int
    /// The base that the head was trained on; nil if it is not recorded.
    public let fingerprint: BaseFingerprint?
    /// [labels, hidden]
    public let weight: Matrix
    /// [labels]
    public let bias: [Float]

    static let configName = "head_config.json"
    static let weightsName = "head.safetensors"

    /// The head with its values.
    public init(
        _ head: any Head, _ values: ParameterVector, maximumTokens: Int, on encoder: TransformerEncoder
    ) {
        fingerprint = encoder.fingerprint
        (objective, labels, pooling) = (head.objective, head.labels, head.pooling)
        self.maximumTokens = maximumTokens
        (weight, bias) = (values[head.output.weight], values[head.output.bias].values)
    }

    private init(_ other: HeadFiles, _ fingerprint: BaseFingerprint) {
        (objective, labels, pooling) = (other.objective, other.labels, other.pooling)
        (maximumTokens, weight, bias, self.fingerprint) = (other.maximumTokens, other.weight, other.bias, fingerprint)
    }

    /// The same head for another encoder: one that the task's adapters were merged into.
    func moved(to encoder: TransformerEncoder) -> HeadFiles { HeadFiles(self, encoder.fingerprint) }

    /// Whether a folder has a head.
    public static func exist(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: configName).path(percentEncoded: false))
    }

    /// Reads both files of a folder, for an encoder of the given width, or of any if that is nil.
    ///
    /// - Throws: ``HeadError`` naming the file, and the field or tensor.
    public init(contentsOf folder: URL, hiddenSize: Int?) throws(HeadError) {
        do {
            let fields = try JSONFields(contentsOf: folder.appending(path: HeadFiles.configName))
            let kinds = [Objective.classification, .tagging]
            objective = try fields.choice("head_type", of: kinds.map { ($0.rawValue, $0) })
            labels = try fields.names("labels")
            let isPooled = objective == .classification
            pooling = isPooled ? Pooling(try Pooling.modes("pooling", fields)) : nil
            maximumTokens = try fields.positive("max_tokens")
            fingerprint = try fields.text("base_fingerprint").map { BaseFingerprint($0) }
            let areDistinct = !labels.isEmpty && Set(labels).count == labels.count
            try fields.check("labels", labels, "label names, each once", areDistinct)
            let areTags = objective != .tagging || labels.allSatisfy { Tag($0)?.name == $0 }
            try fields.check("labels", labels, "tags: O, or B-, I-, E- or S- and a type", areTags)
        } catch { throw .configuration(error) }
        let url = folder.appending(path: HeadFiles.weightsName)
        let name = url.path(percentEncoded: false)
        do {
            let file = try SafetensorsFile(contentsOf: url)
            for tensor in file.names where !["weight", "bias"].contains(tensor) {
                throw HeadError.unexpectedTensor(file: name, tensor: tensor)
            }
            let width = pooling.map { $0.modes.count } ?? 1
            let hiddenSize = try hiddenSize.map { $0 * width } ?? file.tensor(named: "weight").shape.last ?? 0
            func values(_ tensor: String, _ shape: [Int]) throws -> [Float] {
                let view = try file.tensor(named: tensor)
                guard view.shape == shape else {
                    throw HeadError.wrongShape(file: name, tensor: tensor, found: view.shape, expected: shape)
                }
                return try view.floats()
            }
            weight = Matrix(
                rows: labels.count, columns: hiddenSize, values: try values("weight", [labels.count, hiddenSize]))
            bias = try values("bias", [labels.count])
        } catch let error as HeadError { throw error } catch let error as SafetensorsError {
            throw .weights(error)
        } catch { preconditionFailure("reading tensors throws no other errors") }
    }

    /// The head and its values, as a model needs them.
    public var head: (head: any Head, values: ParameterVector) {
        let head: any Head =
            if let pooling {
                ClassificationHead(labels: labels, hiddenSize: weight.columns / pooling.modes.count, pooling: pooling)
            } else {
                TaggingHead(labels: labels, hiddenSize: weight.columns)
            }
        var values = ParameterVector(head.parameters)
        values[head.output.weight] = weight
        values[head.output.bias] = Matrix(rows: 1, columns: bias.count, values: bias)
        return (head, values)
    }

    /// Writes both files into `folder`, which exists.
    package func write(into folder: URL) throws(HeadError) {
        var config: [String: Any] = [
            "head_type": objective.rawValue, "labels": labels, "max_tokens": maximumTokens,
            "hidden_size": weight.columns, "base_fingerprint": fingerprint?.description ?? NSNull(),
        ]
        if let modes = pooling?.modes.map(\.rawValue) { config["pooling"] = modes.count == 1 ? modes[0] : modes as Any }
        do { try AtomicFile.write(JSONFields.encoded(config), to: folder.appending(path: HeadFiles.configName)) } catch
        {
            throw .files(error)
        }
        var writer = SafetensorsWriter()
        writer.add("weight", shape: [weight.rows, weight.columns], floats: weight.values)
        writer.add("bias", shape: [bias.count], floats: bias)
        do { try writer.write(to: folder.appending(path: HeadFiles.weightsName)) } catch { throw .weights(error) }
    }
}
