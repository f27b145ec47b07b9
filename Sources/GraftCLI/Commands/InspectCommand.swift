import Foundation
import Graft

/// `graft inspect`: what is in a model folder, an adapter folder or a `.safetensors` file.
enum InspectCommand {
    static let command = Command(InspectOptions.command) { values in
        let report = try Inspection(place(values.arguments[0]))
        print(values[SharedOptions.Output.json] ? report.json.line : report.lines.joined(separator: "\n"))
    }

    /// The file or folder that is meant: a path, or the folder in the cache of a model that is named by its Hub id.
    private static func place(_ text: String) throws -> URL {
        guard !FileManager.default.fileExists(atPath: text), text.contains("/") else { return URL(filePath: text) }
        do { return try ModelCache().resolve(text) } catch .noSuchFolder(let path) {
            throw InspectionError.notThere(path)
        }
    }
}

/// Facts about a path, in order: as fields of JSON, and as lines.
private struct Inspection {
    private var facts: [(name: String, value: JSONText)] = []
    private var tensors: [TensorView] = []

    init(_ url: URL) throws {
        var isFolder: ObjCBool = false
        let path = url.path(percentEncoded: false)
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw InspectionError.notThere(path)
        }
        if !isFolder.boolValue {
            try addFile(url)
        } else if AdapterBundle.exists(in: url) || HeadFiles.exist(in: url) && !Inspection.has("config.json", url) {
            try addAdapter(url)
        } else if Inspection.has("config.json", url) {
            try addModel(url)
        } else {
            throw InspectionError.unknownFolder(path)
        }
    }

    private static func has(_ name: String, _ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: name).path(percentEncoded: false))
    }

    private mutating func add(_ name: String, _ value: JSONText) { facts.append((name, value)) }

    private mutating func addTensors(_ source: some TensorSource) {
        tensors = source.names.compactMap { source[$0] }
        add("tensors", .integer(tensors.count))
        add("parameters", .integer(tensors.reduce(0) { $0 + $1.count }))
        add("tensor_bytes", .integer(tensors.reduce(0) { $0 + $1.byteCount }))
    }

    private mutating func addFile(_ url: URL) throws {
        let file = try SafetensorsFile(contentsOf: url)
        add("kind", .string("safetensors"))
        addTensors(file)
        let metadata = file.metadata.sorted { $0.key < $1.key }
        add("metadata", .object(metadata.map { ($0.key, .string($0.value)) }))
    }

    private mutating func addModel(_ url: URL) throws {
        try Machine.prepare(threads: nil)
        let encoder = try TransformerEncoder(contentsOf: url)
        let config = encoder.config
        let sentence = try SentenceModules(contentsOf: url, hiddenSize: config.hiddenSize)
        add("kind", .string("model"))
        add("family", .string(config.family.modelType))
        add("layers", .integer(config.layers))
        add("hidden_size", .integer(config.hiddenSize))
        add("heads", .integer(config.heads))
        add("intermediate_size", .integer(config.intermediateSize))
        add("vocabulary_size", .integer(config.vocabularySize))
        add("maximum_positions", .integer(config.maximumPositions))
        addModules(sentence)
        add("fingerprint", .string(encoder.fingerprint.description))
        if HeadFiles.exist(in: url) {
            try addHead(url)
        } else if let head = try CheckpointHead(contentsOf: url) {
            add("head", .string(head.architecture))
            add("head_type", .string(head.objective.rawValue))
            add("labels", .array(head.labels.map { .string($0) }))
            if let shape = head.shape { add("head_layers", .string(shape.description)) }
        }
        addTensors(try SafetensorsFolder(contentsOf: url))
    }

    private mutating func addModules(_ sentence: SentenceModules) {
        add("modules", .array(sentence.descriptions.map { .string($0) }))
        add("pooling", .string(sentence.pooling.name))
        add("normalized", .flag(sentence.normalizes))
        add("embedding_size", .integer(sentence.width))
        if let maximum = sentence.maximumTokens { add("max_seq_length", .integer(maximum)) }
        let prompts = sentence.prompts.byName.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
        if !prompts.isEmpty { add("prompts", .object(prompts.map { ($0.key, .string($0.value)) })) }
        if let name = sentence.prompts.defaultName { add("default_prompt", .string(name)) }
    }

    private mutating func addAdapter(_ url: URL) throws {
        add("kind", .string("adapter"))
        guard AdapterBundle.exists(in: url) else {
            add("method", .string("none: a head alone"))
            return try addHead(url)
        }
        let configuration = try PEFTConfiguration(contentsOf: url)
        let weights = try AdapterBundle.weights(in: url)
        add("method", .string(type(of: configuration.method).name))
        add("base_model", configuration.baseModel.map { .string($0) } ?? .null)
        add("summary", .string(configuration.method.summary))
        if !configuration.parts.isEmpty { return try addParts(configuration, weights, url) }
        if let lora = configuration.method as? LoRAMethod {
            add("rank", .integer(lora.rank))
            add("alpha", .float(lora.alpha))
            add("dropout", .float(lora.dropoutRate))
        }
        if let library = configuration.library { add("library", .string(library)) }
        add("targets", .array(configuration.targets.names.map { .string($0) }))
        add("layers", configuration.layers.map { .array($0.map { .integer($0) }) } ?? .string("all"))
        if HeadFiles.exist(in: url) { try addHead(url) }
        for weights in weights {
            let file = try SafetensorsFile(contentsOf: weights.file)
            add("base_fingerprint", file.metadata["graft.base_fingerprint"].map { .string($0) } ?? .null)
            addTensors(file)
        }
    }

    /// What the parts of an adapter are, and the tensors of all of them.
    private mutating func addParts(
        _ configuration: PEFTConfiguration, _ weights: [(part: String?, file: URL)], _ url: URL
    ) throws {
        for (part, weights) in zip(configuration.parts, weights) {
            let file = try SafetensorsFile(contentsOf: weights.file)
            let own = file.names.compactMap { file[$0] }
            add(
                "part_" + (weights.part ?? ""),
                .object([
                    ("method", .string(type(of: part.method).name)), ("summary", .string(part.method.summary)),
                    ("library", .string(part.library ?? "peft")),
                    ("targets", .array(part.targets.names.map { .string($0) })),
                    ("layers", part.layers.map { .array($0.map { .integer($0) }) } ?? .string("all")),
                    ("base_fingerprint", file.metadata["graft.base_fingerprint"].map { .string($0) } ?? .null),
                    ("parameters", .integer(own.reduce(0) { $0 + $1.count })),
                ]))
            tensors += own
        }
        if HeadFiles.exist(in: url) { try addHead(url) }
        add("tensors", .integer(tensors.count))
        add("parameters", .integer(tensors.reduce(0) { $0 + $1.count }))
        add("tensor_bytes", .integer(tensors.reduce(0) { $0 + $1.byteCount }))
    }

    private mutating func addHead(_ url: URL) throws {
        let head = try HeadFiles(contentsOf: url, hiddenSize: nil)
        add("head_type", .string(head.objective.rawValue))
        if !head.labels.isEmpty { add("labels", .array(head.labels.map { .string($0) })) }
        if let threshold = head.threshold { add("threshold", .float(threshold)) }
        if head.shape != .linear { add("head_layers", .string(head.shape.description)) }
        if let pooling = head.pooling { add("head_pooling", .string(pooling.name)) }
        add("max_tokens", .integer(head.maximumTokens))
        add("head_parameters", .integer(head.parameterCount))
    }

    var json: JSONText {
        let list = tensors.map { tensor in
            JSONText.object([
                ("name", .string(tensor.name)), ("type", .string(tensor.elementType.rawValue)),
                ("shape", .array(tensor.shape.map { .integer($0) })),
            ])
        }
        return .object(facts + [("tensor_list", .array(list))])
    }

    var lines: [String] {
        var table = TextTable(("tensor", .left), ("type", .left), ("shape", .left))
        for tensor in tensors {
            table.append(
                tensor.name, tensor.elementType.rawValue, tensor.shape.map(String.init).joined(separator: " × "))
        }
        let width = facts.map(\.name.count).max() ?? 0
        return facts.map { fact in
            fact.name.replacing("_", with: " ").padding(toLength: width + 2, withPad: " ", startingAt: 0)
                + fact.value.plain
        } + (tensors.isEmpty ? [] : [""] + table.lines)
    }
}

extension JSONText {
    /// For people: text without quotes, lists with commas, whole numbers in groups.
    fileprivate var plain: String {
        switch self {
        case .string(let text): text
        case .integer(let number): HumanUnits.count(number)
        case .array(let values): values.map(\.plain).joined(separator: ", ")
        case .object(let fields): fields.map { "\($0.name)=\($0.value.plain)" }.joined(separator: ", ")
        case .flag(let flag): flag ? "yes" : "no"
        case .null: "not recorded"
        case .float, .double: line
        }
    }
}

/// Why a path cannot be inspected.
private enum InspectionError: Error, CustomStringConvertible {
    case notThere(String)
    case unknownFolder(String)

    var description: String {
        switch self {
        case .notThere(let path): "there is no file or folder \(path)"
        case .unknownFolder(let path):
            "\(path) is neither a model folder (config.json) nor an adapter folder (adapter_config.json, head_config.json)"
        }
    }
}
