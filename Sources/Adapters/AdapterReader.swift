import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// Reads `adapter_model.safetensors`, and keeps account of the tensors that nobody has asked for yet.
public struct AdapterReader {
    /// What the names of the encoder's modules have before them there: "" or that of a task model.
    let prefix: String
    private let file: SafetensorsFile
    private let path: String
    private let configuration: PEFTConfiguration
    /// The encoder that the adapter is read for.
    public let encoder: TransformerEncoder
    /// What the modules of the encoder are called in this file.
    public let peftNames: PEFTNames
    private var unread: Set<String>

    private var names: CheckpointNames { encoder.config.names }

    init(
        _ url: URL, _ configuration: PEFTConfiguration, for encoder: TransformerEncoder
    ) throws(AdapterError) {
        path = url.path(percentEncoded: false)
        do { file = try SafetensorsFile(contentsOf: url) } catch { throw .weights(error) }
        prefix = PEFTNames.prefix(of: file.names, encoder.config.names)
        peftNames = PEFTNames(encoder.config.names, prefix: prefix)
        unread = Set(file.names)
        (self.configuration, self.encoder) = (configuration, encoder)
    }

    /// The base that the folder was trained on, where it says so.
    var fingerprint: BaseFingerprint? { file.metadata[AdapterBundle.fingerprintKey].map { BaseFingerprint($0) } }

    /// Which linear maps the patterns of the configuration mean.
    package var patterns: ModulePatterns {
        ModulePatterns(for: encoder.config, prefix: prefix, file: configPath)
    }

    /// The path of the configuration, for errors.
    var configPath: String {
        URL(filePath: path).deletingLastPathComponent().appending(path: AdapterBundle.configName)
            .path(percentEncoded: false)
    }

    /// `task_type` of the configuration.
    var taskType: String? { configuration.taskType }

    /// The path of the file, for errors.
    var weightsPath: String { path }

    /// The names of all tensors of the file.
    public var tensorNames: [String] { file.names }

    /// The shape of a tensor; nil if it is not there.
    public func shape(of name: String) -> [Int]? {
        guard file.names.contains(name) else { return nil }
        return try? file.tensor(named: name).shape
    }

    /// What was trained of the encoder itself: each tensor's difference to the base's.
    mutating func readChanges() throws(AdapterError) -> [FrozenTensor: Matrix] {
        var changes: [FrozenTensor: Matrix] = [:]
        for tensor in encoder.config.tensors {
            if case .table(let table) = tensor, try readsCopy(of: table) { continue }
            let isSaved = names.spellings(of: prefix + names.name(of: tensor)).contains {
                configuration.isSaved(module: $0)
            }
            guard let name = name(of: tensor, isSaved: isSaved) else { continue }
            var values = try read(name, shape: tensor.shape(for: encoder.config))
            values.add(encoder.values(of: tensor), scale: -1)
            changes[tensor] = values
        }
        return changes
    }

    /// PEFT writes some adapted tables whole beside their adapter, as the base has them: there is nothing to read then.
    private mutating func readsCopy(of table: EmbeddingTable) throws(AdapterError) -> Bool {
        let tensor = FrozenTensor.table(table)
        let key = peftNames.module(.table(table)) + ".base_layer.weight"
        guard unread.contains(key) else { return false }
        let values = try read(key, shape: tensor.shape(for: encoder.config))
        guard values == encoder.values(of: tensor) else { throw .unexpectedTensor(file: path, tensor: key) }
        return true
    }

    /// The key of a tensor of the encoder that was trained; nil if it was not.
    private func name(of tensor: FrozenTensor, isSaved: Bool) -> String? {
        let underAdapter = peftNames.base(tensor, isUnderAdapter: true)
        if tensor.isOfLinearMap, unread.contains(underAdapter) { return underAdapter }
        let plain = names.spellings(of: prefix + names.name(of: tensor)).map { PEFTNames.always + $0 }
        let found = plain.first(where: unread.contains)
        // PEFT takes any tensor of the base that is there, in whatever module.
        return found ?? (isSaved ? plain.first : nil)
    }

    /// The head of a task model, where the folder has one. Encoder tensors have been read before.
    mutating func readTaskHead() throws(AdapterError) -> SavedTaskHead? {
        guard let taskType = configuration.taskType, ["SEQ_CLS", "TOKEN_CLS"].contains(taskType) else { return nil }
        // An adapter on a layer of the head, as BERT's pooler, is not one that Graft runs: without it the head says something else.
        let mark = type(of: configuration.method).tensorMark
        guard !unread.contains(where: { $0.contains(mark) }) else { return nil }
        var tensors: [(name: String, shape: [Int], values: Matrix)] = []
        for name in unread.sorted() {
            let own = ownName(name)
            guard configuration.isSaved(module: own), !staysFrozen(own), !isCopy(own) else { continue }
            let shape: [Int]
            do { shape = try file.tensor(named: name).shape } catch { throw .weights(error) }
            guard shape.count == 1 || shape.count == 2 else { continue }
            tensors.append((own, shape, try read(name, shape: shape)))
        }
        return tensors.isEmpty
            ? nil : SavedTaskHead(taskType: taskType, modules: configuration.modulesToSave, tensors: tensors)
    }

    /// The reason why each tensor that is left takes no part, or the error that one has none.
    func explainRest() throws(AdapterError) -> [String] {
        var reasons: [String] = []
        let mark = type(of: configuration.method).tensorMark
        for tensor in unread.sorted() {
            let module = ownName(tensor)
            if module.hasPrefix(prefix + "pooler.") || module.hasPrefix("pooler.") {
                reasons.append("\(tensor): the pooler is not part of the sentence encoder")
            } else if isCopy(module) {
                reasons.append("\(tensor): a bias that PEFT has written twice")
            } else if staysFrozen(module) {
                throw .staysFrozen(file: path, tensor: tensor)
            } else if !prefix.isEmpty, !module.hasPrefix(prefix), tensor.contains(mark) {
                reasons.append("\(tensor): of an adapter on a part of the task model that is not the sentence encoder")
            } else if configuration.isSaved(module: module) {
                reasons.append("\(tensor): a module that is no part of the sentence encoder")
            } else {
                throw .unexpectedTensor(file: path, tensor: tensor)
            }
        }
        return reasons
    }

    /// The name of a tensor in the model.
    private func ownName(_ tensor: String) -> String {
        let before = PEFTNames.beforeHead(of: configuration.method)
        return tensor.hasPrefix(before) ? String(tensor.dropFirst(before.count)) : tensor
    }

    /// Whether a tensor is in one of the two places that PEFT keeps modules in which it saves whole: where all biases were
    /// trained, it writes those there too, trained ones or the base's, beside the one that counts.
    private func isCopy(_ module: String) -> Bool {
        module.contains(".modules_to_save.") || module.contains(".original_module.")
    }

    private func staysFrozen(_ module: String) -> Bool {
        module.hasPrefix(prefix) && names.isOfRelativePositions(String(module.dropFirst(prefix.count)))
    }

    /// Refuses a file without a tensor that something else reads.
    ///
    /// - Throws: ``AdapterError`` naming the tensor.
    func require(_ name: String) throws(AdapterError) {
        guard !file.names.contains(name) else { return }
        throw .missingTensor(file: path, tensor: name, nearest: NearestName.to(name, among: file.names))
    }

    /// A tensor, which has to be there in this shape, of finite numbers: a matrix, or a row if it is a vector; of more axes the
    /// last are columns.
    ///
    /// - Throws: ``AdapterError`` naming the tensor.
    public mutating func read(_ name: String, shape: [Int]) throws(AdapterError) -> Matrix {
        guard unread.remove(name) != nil else {
            throw .missingTensor(file: path, tensor: name, nearest: NearestName.to(name, among: file.names))
        }
        do {
            let tensor = try file.tensor(named: name)
            guard tensor.shape == shape else {
                throw AdapterError.wrongShape(file: path, tensor: name, found: tensor.shape, expected: shape)
            }
            let rows = shape.dropLast().reduce(1, *)
            let values = try tensor.floats()
            try AdapterError.checkFinite(values, file: path, tensor: name)
            return Matrix(rows: rows, columns: shape.last ?? 1, values: values)
        } catch let error as AdapterError { throw error } catch let error as SafetensorsError {
            throw .weights(error)
        } catch { preconditionFailure("reading a tensor throws no other errors") }
    }
}
