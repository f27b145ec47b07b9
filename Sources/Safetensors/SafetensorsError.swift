import Files

/// What is wrong with a safetensors file, or with a folder of them.
public struct SafetensorsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file or folder.
    public let path: String
    /// What is wrong with it.
    public let problem: Problem

    /// Creates the error that `problem` is for the file or folder at `path`.
    public init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }

    /// One line: the file, what was found, what was expected, and what to do.
    public var description: String {
        if case .system(let error) = problem { error.description } else { "\(path): \(problem)" }
    }

    /// The ways in which a file can be wrong. Offsets and lengths are in bytes.
    public enum Problem: Error, Equatable, Sendable {
        /// The system refused to open, read or write.
        case system(FilesError)
        /// The file is something else under a safetensors name.
        case somethingElse(Lookalike)
        /// The file is too short even for the header's length, 8 bytes.
        case noHeaderLength(fileLength: Int)
        /// The header claims more than the format's limit.
        case headerTooLong(length: UInt64, limit: Int)
        /// The header claims more bytes than the file has after the length.
        case headerBeyondFile(length: Int, available: Int)
        /// The header is not UTF-8.
        case notUTF8
        /// The header (or a folder's index) is not the JSON that it has to be; the offset counts from the `{`.
        case malformedJSON(offset: Int, expected: String)
        /// One name stands for two tensors, metadata entries or fields.
        case duplicateName(String)
        /// A tensor's entry lacks a field.
        case missingField(tensor: String, field: String)
        /// A tensor's entry has a field that the format does not know.
        case unknownField(tensor: String, field: String)
        /// A tensor's elements are of a type that Graft does not read.
        case unsupportedElementType(tensor: String, type: String)
        /// A tensor's shape has more elements than a file can hold.
        case shapeTooLarge(tensor: String, shape: [Int])
        /// A tensor's range of bytes ends before it begins.
        case reversedOffsets(tensor: String, begin: Int, end: Int)
        /// A tensor's range of bytes is not as long as its shape and type say.
        case wrongLength(tensor: String, found: Int, expected: Int, shape: [Int], type: ElementType)
        /// Bytes before a tensor belong to no tensor.
        case gap(tensor: String, begin: Int, expected: Int)
        /// A tensor begins inside the one before it.
        case overlap(tensor: String, begin: Int, expected: Int)
        /// The tensors end after the file does: it was cut short.
        case truncated(found: Int, expected: Int)
        /// Bytes follow the last tensor.
        case trailingBytes(found: Int, expected: Int)
        /// There is no tensor of that name.
        case noSuchTensor(String, nearest: String?)
        /// The tensor's elements are of another kind than was asked for.
        case wrongElementType(tensor: String, found: ElementType, expected: String)
        /// Rows were asked of a tensor that has not two dimensions.
        case notTwoDimensional(tensor: String, shape: [Int])
        /// The folder holds neither a model file nor an index of shards.
        case noWeights
        /// The folder holds weights in formats that are not read; `conversion` is the command that converts them.
        case foreignWeights([String], conversion: String?)
        /// The index names a file outside its folder.
        case shardOutsideFolder(String)
        /// The index names a file that is not in the folder.
        case missingShard(String, tensor: String)
        /// A shard does not hold a tensor that the index says it holds.
        case notInShard(tensor: String, shard: String)
        /// Two shards hold a tensor of one name.
        case inTwoShards(tensor: String, shards: [String])
        /// A shard holds a tensor that the index does not name.
        case notInIndex(tensor: String, shard: String)
    }

    /// What people find under a safetensors name when a download went wrong.
    public enum Lookalike: Sendable {
        /// The text file that stands for a large file in a Git repository.
        case gitLFSPointer
        /// A page for a browser, mostly an error page or a login form.
        case htmlPage
        /// A zip archive, which is what PyTorch's own `.bin` and `.pt` checkpoints are.
        case zipArchive
    }
}

extension SafetensorsError.Problem: CustomStringConvertible {
    /// One line, without the file's name.
    public var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .somethingElse(.gitLFSPointer):
            "this is a Git LFS pointer, not the tensors themselves; run `git lfs pull` in its repository"
        case .somethingElse(.htmlPage): "this is a web page, not a safetensors file; download it again"
        case .somethingElse(.zipArchive):
            "this is a zip archive, perhaps a PyTorch checkpoint; save it again with safetensors"
        case .noHeaderLength(let length): "the file has \(length) bytes, too few for the header's length (8 bytes)"
        case .headerTooLong(let length, let limit): "the header claims \(length) bytes; the limit is \(limit)"
        case .headerBeyondFile(let length, let available):
            "the header claims \(length) bytes but \(available) follow; the file was cut short or is not safetensors"
        case .notUTF8: "the header is not UTF-8"
        case .malformedJSON(let offset, let expected): "malformed JSON: expected \(expected) at byte \(offset)"
        case .duplicateName(let name): "the name \"\(name)\" is there twice"
        case .missingField(let tensor, let field): "tensor \"\(tensor)\" has no \"\(field)\""
        case .unknownField(let tensor, let field): "tensor \"\(tensor)\" has an unknown field \"\(field)\""
        case .unsupportedElementType(let tensor, let type):
            "tensor \"\(tensor)\" is of type \(type); supported are "
                + ElementType.allCases.reversed().map(\.rawValue).joined(separator: ", ")
        case .shapeTooLarge(let tensor, let shape): "tensor \"\(tensor)\" of shape \(shape) is too large for any file"
        case .reversedOffsets(let tensor, let begin, let end):
            "tensor \"\(tensor)\" ends at byte \(end), before its begin at \(begin)"
        case .wrongLength(let tensor, let found, let expected, let shape, let type):
            "tensor \"\(tensor)\" has \(found) bytes; shape \(shape) of \(type.rawValue) takes \(expected)"
        case .gap(let tensor, let begin, let expected):
            "tensor \"\(tensor)\" begins at byte \(begin), expected \(expected): the bytes between belong to no tensor"
        case .overlap(let tensor, let begin, let expected):
            "tensor \"\(tensor)\" begins at byte \(begin), inside the tensor before it, which ends at \(expected)"
        case .truncated(let found, let expected):
            "the tensors take \(expected) bytes but \(found) are there; the file was cut short, fetch it again"
        case .trailingBytes(let found, let expected): "the tensors take \(expected) bytes but \(found) are there"
        case .noSuchTensor(let name, let nearest):
            "there is no tensor \"\(name)\"" + (nearest.map { "; the nearest name is \"\($0)\"" } ?? "")
        case .wrongElementType(let tensor, let found, let expected):
            "tensor \"\(tensor)\" is of type \(found.rawValue), expected \(expected)"
        case .notTwoDimensional(let tensor, let shape):
            "tensor \"\(tensor)\" has shape \(shape), expected [rows, columns]"
        case .noWeights: "neither \(SafetensorsFolder.fileName) nor \(SafetensorsFolder.indexName) is here"
        case .foreignWeights(let names, let conversion):
            "the weights are in \(names.joined(separator: ", ")), and only safetensors are read; "
                + (conversion.map { "if you trust the file, convert it: \($0)" }
                    ?? "get the model in another format")
        case .shardOutsideFolder(let shard): "the index names \"\(shard)\", expected a file name without a folder"
        case .missingShard(let shard, let tensor):
            "\(shard), which should hold \"\(tensor)\", is missing; download the model again"
        case .notInShard(let tensor, let shard): "the index says that \(shard) holds \"\(tensor)\", but it does not"
        case .inTwoShards(let tensor, let shards):
            "tensor \"\(tensor)\" is in two files, \(shards.joined(separator: " and "))"
        case .notInIndex(let tensor, let shard): "\(shard) holds \"\(tensor)\", which the index does not name"
        }
    }
}
