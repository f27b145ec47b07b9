import Encoders
import Files
import Foundation
import Matrices

/// The head that a model folder has because a task model of transformers wrote it: `BertForSequenceClassification` and its
/// like.
public struct CheckpointHead: Sendable {
    /// The class that `config.json` names.
    public let architecture: String
    /// What the head says about a text.
    public let objective: Objective
    /// Label names (`id2label`); their places are the label ids.
    public let labels: [String]
    /// What is in the head; or that Graft does not know it, which matters to nobody who leaves it out.
    private let layout: Result<TaskHeadFamily.Layout, JSONFieldsError>
    private let folder: URL

    /// The layers of the head; nil if Graft does not know them.
    public var shape: HeadShape? { try? layout.get().shape }

    /// The head in a model folder, nil if `config.json` names no task model for texts or tokens.
    ///
    /// - Throws: ``HeadError`` naming the field of `config.json` that is wrong.
    public init?(contentsOf folder: URL) throws(HeadError) {
        let endings = [("ForSequenceClassification", true), ("ForTokenClassification", false)]
        do {
            let fields = try JSONFields(contentsOf: folder.appending(path: "config.json"))
            let architecture = try fields.names("architectures").first ?? ""
            guard let isOfTexts = endings.first(where: { architecture.hasSuffix($0.0) })?.1 else { return nil }
            labels = try CheckpointHead.labels(fields)
            objective = try isOfTexts ? CheckpointHead.objective(fields, labelCount: labels.count) : .tagging
            layout = Result { () throws(JSONFieldsError) in
                try CheckpointHead.layout(ofTexts: isOfTexts, fields)
            }
            (self.architecture, self.folder) = (architecture, folder)
        } catch { throw .configuration(error) }
    }

    /// The head in an adapter folder's terms, for `encoder`, which was read from the same folder.
    ///
    /// - Throws: ``HeadError`` for layers that Graft does not know, several numbers to tell at once, labels that are no
    ///   tags, and tensors that are missing or of another shape: transformers would start those at random, and say so once.
    public func files(for encoder: TransformerEncoder, maximumTokens: Int) throws(HeadError) -> HeadFiles {
        let path = folder.appending(path: "config.json").path(percentEncoded: false)
        let layout: TaskHeadFamily.Layout
        do { layout = try self.layout.get() } catch { throw .configuration(error) }
        let head: any Head
        let (hiddenSize, pooling) = (encoder.config.hiddenSize, layout.pooling ?? .cls)
        switch objective {
        case .classification:
            head = ClassificationHead(
                labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: layout.shape)
        case .multilabel:
            head = MultilabelHead(labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: layout.shape)
        case .regression:
            guard labels.count == 1 else {
                throw .configuration(
                    .invalidField(
                        file: path, field: "id2label", found: "\(labels.count) labels",
                        expected: "one: of a regression Graft runs heads that tell one number"))
            }
            head = RegressionHead(hiddenSize: hiddenSize, pooling: pooling, shape: layout.shape)
        case .tagging:
            if let other = labels.first(where: { Tag($0)?.name != $0 }) {
                throw .configuration(
                    .invalidField(
                        file: path, field: "id2label", found: other, expected: "tags: O, or B-, I-, E- or S- and a type"
                    ))
            }
            head = TaggingHead(labels: labels, hiddenSize: hiddenSize, shape: layout.shape)
        case .similarity: preconditionFailure("no task model of transformers is for similarity")
        }
        var values = ParameterVector(head.parameters)
        let tensors = try CheckpointTensors(contentsOf: folder, encoder.config.names)
        for parameter in head.parameters {
            guard let module = layout.module(of: parameter) else {
                preconditionFailure("each layer of a head is a module")
            }
            values[parameter] = try tensors.values(of: parameter, module)
        }
        return HeadFiles(head, values, maximumTokens: maximumTokens, on: encoder)
    }

    /// What becomes of this head's tensors in a checkpoint beside which `head` is written: new values where it is this one,
    /// trained on; else they go, since what they would say is not what `head` says.
    func tensors(
        beside head: HeadFiles, _ names: CheckpointNames
    ) throws(HeadError) -> (values: [String: Matrix], dropped: Set<String>) {
        guard let layout = try? layout.get() else { return ([:], []) }
        let isThisOne =
            head.objective == objective && (objective == .regression || head.labels == labels)
            && head.pooling == layout.pooling
            && head.shape == layout.shape
        let tensors = try CheckpointTensors(contentsOf: folder, names)
        let own = HeadNetwork(inputs: 1, outputs: 1, shape: layout.shape)
        let (files, values) = head.head
        var kept: [String: Matrix] = [:]
        var dropped: Set<String> = []
        for parameter in isThisOne ? files.parameters : own.parameters {
            guard let module = layout.module(of: parameter) else { continue }
            let name = tensors.name(of: parameter, module)
            if isThisOne {
                kept[name] = values[parameter]
            } else if !module.isOfEncoder {
                dropped.insert(name)
            }
        }
        return (kept, dropped)
    }

    // MARK: config.json

    static func labels(_ fields: JSONFields) throws(JSONFieldsError) -> [String] {
        guard let found = fields.value("id2label") else {
            return (0..<(try fields.positive("num_labels", default: 2))).map { "LABEL_\($0)" }
        }
        let names = found as? [String: String] ?? [:]
        let labels = (0..<names.count).compactMap { names["\($0)"] }
        try fields.check(
            "id2label", found, "a name for each number from 0 on, each once",
            !labels.isEmpty && Set(labels).count == names.count && labels.count == names.count)
        return labels
    }

    /// As transformers chooses it: without a word, one label is a number to tell, and several are classes.
    static func objective(_ fields: JSONFields, labelCount: Int) throws(JSONFieldsError) -> Objective {
        try fields.choice(
            "problem_type", default: labelCount == 1 ? "regression" : "single_label_classification",
            of: [
                ("single_label_classification", .classification), ("multi_label_classification", .multilabel),
                ("regression", .regression),
            ])
    }

    static func layout(
        ofTexts isOfTexts: Bool, _ fields: JSONFields
    ) throws(JSONFieldsError) -> TaskHeadFamily.Layout {
        let families = TaskHeadFamily.all.filter { !isOfTexts || $0.text != nil }
        let family = try fields.choice(
            "model_type", of: families.flatMap { family in family.modelTypes.map { ($0, family) } })
        guard isOfTexts else { return try family.tokens(fields) }
        guard let text = family.text else { preconditionFailure("families without one were left out") }
        return try text(fields)
    }
}

extension TaskHeadFamily.Layout {
    /// The module that a parameter is of.
    func module(of parameter: Parameter) -> TaskHeadFamily.Module? {
        switch parameter.name.split(separator: ".").dropFirst().first {
        case "dense": dense
        case "norm": norm
        default: output
        }
    }
}

/// The start of a family's own head that is not in a checkpoint yet.
extension CheckpointHead {
    /// How the task models of the folder's family pool and what is before their output layer, for texts or for tokens.
    static func family(
        of folder: URL, ofTexts isOfTexts: Bool
    ) throws(HeadError) -> (pooling: Pooling?, shape: HeadShape) {
        do {
            let layout = try layout(
                ofTexts: isOfTexts, JSONFields(contentsOf: folder.appending(path: "config.json")))
            return (layout.pooling, layout.shape)
        } catch { throw .configuration(error) }
    }

    /// Values of layers that the bare model has too, as BERT's pooler: a fresh head starts from them, as in transformers.
    static func pretrainedValues(
        of head: any Head, in folder: URL, for encoder: TransformerEncoder
    ) throws(HeadError) -> [Parameter: Matrix] {
        let layout: TaskHeadFamily.Layout
        do {
            layout = try self.layout(
                ofTexts: head.pooling != nil, JSONFields(contentsOf: folder.appending(path: "config.json")))
        } catch { throw .configuration(error) }
        let tensors = try CheckpointTensors(contentsOf: folder, encoder.config.names)
        var values: [Parameter: Matrix] = [:]
        for parameter in head.parameters {
            guard let module = layout.module(of: parameter), module.isOfEncoder, tensors.has(parameter, module) else {
                continue
            }
            values[parameter] = try tensors.values(of: parameter, module)
        }
        return values
    }
}
