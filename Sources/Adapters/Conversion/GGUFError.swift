import Files

/// Why a GGUF file is refused.
public struct GGUFError: Error, Sendable {
    /// The file.
    public let path: String
    /// What is wrong with it.
    public let problem: Problem

    /// What can be wrong.
    public enum Problem: Sendable {
        /// It does not begin with "GGUF".
        case notGGUF
        /// A version other than 2 and 3.
        case version(UInt32)
        /// It ends in the middle of what is named.
        case cutShort(reading: String, at: Int, length: Int)
        /// A number of tensors or values, or an extent, that no file of this length can hold.
        case tooMany(String, count: UInt64)
        /// Bytes that are no text.
        case notText(at: Int)
        /// A type of value that the format does not have.
        case valueType(UInt32, name: String)
        /// Two of one name.
        case repeated(String)
        /// A key that is missing, or has another value than an adapter's.
        case value(key: String, found: String, expected: String)
        /// A tensor of a type that is not read; its number in ggml.
        case tensorType(tensor: String, found: UInt32)
        /// A tensor that does not begin where the alignment wants it, or ends behind the file.
        case place(tensor: String, offset: UInt64, bytes: Int, data: Int)
        /// The system refused.
        case system(FilesError)
    }
}

extension GGUFError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch problem {
        case .notGGUF: "\(path) is no GGUF file: it does not begin with 'GGUF'"
        case .version(let version): "\(path) is a GGUF file of version \(version), expected 2 or 3; convert it again"
        case .cutShort(let reading, let at, let length):
            "\(path) is cut short: \(reading) at byte \(at) does not fit into its \(length) bytes; fetch it again"
        case .tooMany(let what, let count): "\(path) says that it has \(count) \(what), more than its bytes can hold"
        case .notText(let at): "\(path): the text at byte \(at) is not UTF-8"
        case .valueType(let type, let name):
            "\(path): the value of '\(name)' is of type \(type), which GGUF does not have"
        case .repeated(let name): "\(path) has '\(name)' twice"
        case .value(let key, let found, let expected): "\(path): '\(key)' is \(found), expected \(expected)"
        case .tensorType(let tensor, let found):
            "\(path): the tensor '\(tensor)' is of ggml type \(found), expected F32 (0), F16 (1) or BF16 (30);"
                + " convert the adapter again without quantizing it"
        case .place(let tensor, let offset, let bytes, let data):
            "\(path): the tensor '\(tensor)' is said to have \(bytes) bytes from \(offset) of \(data) bytes of data"
        case .system(let error): "\(error)"
        }
    }
}
