import Adapters
import Encoders
import Files
import Foundation
import Matrices

/// The heads of transformers' task models of one model folder's family, as folders of PEFT's keep them: whole modules under their
/// own names, without label names.
package struct TaskModelHeads: Sendable {
    private let folder: URL
    private let encoder: TransformerEncoder
    private let maximumTokens: Int

    /// Those for `encoder`, which was read from `folder`. A text that a task has no limit for is cut to `maximumTokens`.
    package init(_ folder: URL, _ encoder: TransformerEncoder, maximumTokens: Int) {
        (self.folder, self.encoder, self.maximumTokens) = (folder, encoder, maximumTokens)
    }

    // MARK: Writing

    /// A head as PEFT keeps that of the family's task model; nil where it has other layers, or other pooling.
    package func saved(_ head: HeadFiles) -> SavedTaskHead? {
        let isOfTexts = head.pooling != nil
        guard let layout = try? layout(ofTexts: isOfTexts), head.objective != .similarity,
            head.pooling == layout.pooling,
            head.shape == layout.shape
        else { return nil }
        let (own, values) = head.head
        var (tensors, modules): ([(name: String, shape: [Int], values: Matrix)], Set<String>) = ([], [])
        for parameter in own.parameters {
            guard let module = layout.module(of: parameter) else { return nil }
            tensors.append(
                (name(of: parameter, module), HeadNetwork.extents(of: parameter), values[parameter]))
            modules.insert(savedModule(module))
        }
        return SavedTaskHead(
            taskType: isOfTexts ? "SEQ_CLS" : "TOKEN_CLS", modules: modules.sorted(), tensors: tensors)
    }

    /// What `modules_to_save` calls the module that a layer of the head is in: PEFT saves `classifier` in any case, and a module
    /// within a saved one must not be saved twice.
    private func savedModule(_ module: TaskHeadFamily.Module) -> String {
        guard module.isOfEncoder else { return String(module.name.prefix { $0 != "." }) }
        return encoder.config.names.taskPrefix + module.name
    }

    private func name(of parameter: Parameter, _ module: TaskHeadFamily.Module) -> String {
        let ending = parameter.name.hasSuffix(".bias") ? ".bias" : ".weight"
        return (module.isOfEncoder ? encoder.config.names.taskPrefix : "") + module.name + ending
    }

    // MARK: Reading

    /// The head that a folder of PEFT's has, as one of Graft's. A layer that is not there and that the base has, as BERT's pooler,
    /// is the base's. Labels are those of the base's `id2label` where there are as many, else `LABEL_0` and so on.
    ///
    /// - Throws: ``HeadError`` for a head that this family's task models do not have, or that lacks a tensor: transformers would
    ///   start it at random.
    package func head(_ saved: SavedTaskHead) throws(HeadError) -> HeadFiles {
        let isOfTexts = saved.taskType == "SEQ_CLS"
        let (layout, fields) = (try layout(ofTexts: isOfTexts), try fields())
        let found = Dictionary(saved.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let outputName = layout.output.name + ".weight"
        guard let output = found[outputName], output.shape.count == 2 else {
            throw .missingTensor(
                folder: path, tensor: outputName, nearest: NearestName.to(outputName, among: Array(found.keys)))
        }
        let head = try head(isOfTexts, layout, labels: try labels(count: output.values.rows, fields), fields)
        let base = try CheckpointTensors(contentsOf: folder, encoder.config.names)
        var (values, unread) = (ParameterVector(head.parameters), Set(found.keys))
        for parameter in head.parameters {
            guard let module = layout.module(of: parameter) else {
                preconditionFailure("each layer of a head is a module")
            }
            let name = name(of: parameter, module)
            unread.remove(name)
            guard let tensor = found[name] else {
                values[parameter] = try base.values(of: parameter, module)
                continue
            }
            let extents = HeadNetwork.extents(of: parameter)
            guard tensor.shape == extents else {
                throw .wrongShape(file: AdapterBundle.weightsName, tensor: name, found: tensor.shape, expected: extents)
            }
            values[parameter] = tensor.values
        }
        if let name = unread.min() {
            throw .unexpectedTensor(
                file: AdapterBundle.weightsName, tensor: name, expected: head.parameters.map(\.name))
        }
        return HeadFiles(head, values, maximumTokens: maximumTokens, on: encoder)
    }

    private func head(
        _ isOfTexts: Bool, _ layout: TaskHeadFamily.Layout, labels: [String], _ fields: JSONFields
    ) throws(HeadError) -> any Head {
        let (hiddenSize, pooling) = (encoder.config.hiddenSize, layout.pooling ?? .cls)
        guard isOfTexts else {
            if let other = labels.first(where: { Tag($0)?.name != $0 }) {
                throw .configuration(
                    .invalidField(
                        file: path, field: "id2label", found: other, expected: "tags: O, or B-, I-, E- or S- and a type"
                    ))
            }
            return TaggingHead(labels: labels, hiddenSize: hiddenSize, shape: layout.shape)
        }
        let objective: Objective
        do { objective = try CheckpointHead.objective(fields, labelCount: labels.count) } catch {
            throw .configuration(error)
        }
        switch objective {
        case .multilabel:
            return MultilabelHead(labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: layout.shape)
        case .regression where labels.count == 1:
            return RegressionHead(hiddenSize: hiddenSize, pooling: pooling, shape: layout.shape)
        default:
            return ClassificationHead(labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: layout.shape)
        }
    }

    private func labels(count: Int, _ fields: JSONFields) throws(HeadError) -> [String] {
        let known: [String]
        do { known = try CheckpointHead.labels(fields) } catch { throw .configuration(error) }
        return known.count == count ? known : (0..<count).map { "LABEL_\($0)" }
    }

    private func layout(ofTexts isOfTexts: Bool) throws(HeadError) -> TaskHeadFamily.Layout {
        let fields = try fields()
        do { return try CheckpointHead.layout(ofTexts: isOfTexts, fields) } catch { throw .configuration(error) }
    }

    private func fields() throws(HeadError) -> JSONFields {
        do { return try JSONFields(contentsOf: folder.appending(path: "config.json")) } catch {
            throw .configuration(error)
        }
    }

    private var path: String { folder.appending(path: "config.json").path(percentEncoded: false) }
}
