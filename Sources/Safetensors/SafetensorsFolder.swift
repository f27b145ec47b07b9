#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Files

/// The weights in a model folder: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
///
/// Of both, the single file is read, as transformers does. With an index, its map and the shards must agree on every
/// tensor; whoever wrote one without the other left half a model.
public struct SafetensorsFolder: TensorSource {
    /// The name of a single file of weights.
    public static let fileName = "model.safetensors"
    /// The name of the index of several.
    public static let indexName = "model.safetensors.index.json"

    /// The folder's path.
    public let path: String
    /// The names of all tensors, file by file in the order of their bytes.
    public let names: [String]
    /// The files, in the order of their names.
    public let files: [SafetensorsFile]
    private let fileIndex: [String: Int]

    /// Opens the weights in `folder`.
    public init(contentsOf folder: URL) throws(SafetensorsError) {
        path = folder.path
        let single = folder.appendingPathComponent(Self.fileName)
        let index = folder.appendingPathComponent(Self.indexName)
        let manager = FileManager.default
        if manager.fileExists(atPath: single.path) {
            files = [try SafetensorsFile(contentsOf: single)]
        } else if manager.fileExists(atPath: index.path) {
            files = try Self.shards(of: folder, index: index)
        } else {
            let others = ForeignWeights.names(in: folder)
            throw SafetensorsError(
                path: folder.path,
                problem: others.isEmpty
                    ? .noWeights
                    : .foreignWeights(others, conversion: ForeignWeights.conversion(of: others, in: folder)))
        }
        names = files.flatMap(\.names)
        var fileIndex: [String: Int] = [:]
        for (position, file) in files.enumerated() {
            for name in file.names { fileIndex[name] = position }
        }
        self.fileIndex = fileIndex
    }

    /// The tensor of that name, or nil.
    public subscript(name: String) -> TensorView? { fileIndex[name].flatMap { files[$0][name] } }

    /// Lets the system drop the files' resident pages; tensors that are read again come from the disk again.
    public func adviseNotNeeded() { for file in files { file.adviseNotNeeded() } }

    /// Opens the shards that the index names and proves that index and shards agree.
    private static func shards(of folder: URL, index: URL) throws(SafetensorsError) -> [SafetensorsFile] {
        let map = try shardMap(index)
        var files: [SafetensorsFile] = []
        var holders: [String: String] = [:]
        for shard in Set(map.values).sorted() {
            guard !shard.isEmpty, !shard.contains("/"), shard != ".", shard != ".." else {
                throw SafetensorsError(path: index.path, problem: .shardOutsideFolder(shard))
            }
            let url = folder.appendingPathComponent(shard)
            guard FileManager.default.fileExists(atPath: url.path) else {
                let tensor = map.filter { $0.value == shard }.keys.min() ?? ""
                throw SafetensorsError(path: folder.path, problem: .missingShard(shard, tensor: tensor))
            }
            let file = try SafetensorsFile(contentsOf: url)
            for name in file.names {
                if let other = holders.updateValue(shard, forKey: name) {
                    throw SafetensorsError(
                        path: folder.path, problem: .inTwoShards(tensor: name, shards: [other, shard]))
                }
            }
            files.append(file)
        }
        for (tensor, shard) in map.sorted(by: { $0.key < $1.key }) where holders[tensor] != shard {
            throw SafetensorsError(path: index.path, problem: .notInShard(tensor: tensor, shard: shard))
        }
        for (tensor, shard) in holders.sorted(by: { $0.key < $1.key }) where map[tensor] == nil {
            throw SafetensorsError(path: index.path, problem: .notInIndex(tensor: tensor, shard: shard))
        }
        return files
    }

    /// Reads `{"metadata": …, "weight_map": {"tensor": "shard", …}}`.
    private static func shardMap(_ index: URL) throws(SafetensorsError) -> [String: String] {
        typealias Problem = SafetensorsError.Problem
        let file: MappedFile
        do { file = try MappedFile(contentsOf: index) } catch {
            throw SafetensorsError(path: index.path, problem: .system(error))
        }
        do {
            return try file.withBytes { (bytes) throws(Problem) in
                guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8 }
                var scanner = JSONScanner(bytes)
                var map: [String: String]?
                try scanner.object { (scanner, key) throws(Problem) in
                    guard key == "weight_map" else { return try scanner.skipValue() }
                    guard map == nil else { throw .duplicateName(key) }
                    var entries: [String: String] = [:]
                    try scanner.object { (scanner, tensor) throws(Problem) in
                        guard entries.updateValue(try scanner.string(), forKey: tensor) == nil else {
                            throw .duplicateName(tensor)
                        }
                    }
                    map = entries
                }
                try scanner.end()
                guard let map else { throw .malformedJSON(offset: bytes.count, expected: "a \"weight_map\"") }
                return map
            }
        } catch { throw SafetensorsError(path: index.path, problem: error) }
    }
}
