/// The type of a tensor's elements, by its name in the file. Elements are little-endian.
public enum ElementType: String, Sendable, CaseIterable, Comparable {
    // Declared from the last to the first in a written file: the reference library puts wide types first, so that every
    // tensor starts at a multiple of its width, and orders types of one width as here.
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case int16 = "I16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int32 = "I32"
    case float32 = "F32"
    case float64 = "F64"
    case int64 = "I64"

    /// The bytes of one element.
    public var width: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .float64, .int64: 8
        }
    }

    /// Whether the elements are numbers with a fraction.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        case .bool, .uint8, .int8, .int16, .int32, .int64: false
        }
    }

    /// Whether a tensor of this type comes after one of the other in a written file.
    public static func < (left: ElementType, right: ElementType) -> Bool { left.rank < right.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
