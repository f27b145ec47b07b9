/// A value of a GGUF file's metadata.
public enum GGUFValue: Sendable, Equatable {
    /// A whole number of any of the file's types.
    case integer(Int)
    /// A 32-bit number.
    case float(Float)
    /// A 64-bit number.
    case double(Double)
    case flag(Bool)
    case text(String)
    case array([GGUFValue])

    /// The number in the file for the type of what is written; a whole number is written as `uint32`.
    var type: UInt32 {
        switch self {
        case .integer: 4
        case .float: 6
        case .flag: 7
        case .text: 8
        case .array: 9
        case .double: 12
        }
    }
}
