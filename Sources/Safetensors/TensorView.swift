import Files

/// One tensor of a mapped file: its type, its shape and its bytes where they lie. It keeps the mapping alive.
///
/// Elements are in row-major order. Nothing is read before bytes, numbers or rows are asked for.
public struct TensorView: Sendable {
    /// The tensor's name in the file.
    public let name: String
    /// The type of its elements.
    public let elementType: ElementType
    /// Its extents, the slowest-moving first; empty for a single number.
    public let shape: [Int]
    private let file: MappedFile
    /// The tensor's bytes within the file.
    private let range: Range<Int>

    init(name: String, elementType: ElementType, shape: [Int], file: MappedFile, range: Range<Int>) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
        self.file = file
        self.range = range
    }

    /// The number of elements.
    public var count: Int { range.count / elementType.width }

    /// The number of bytes.
    public var byteCount: Int { range.count }

    /// Calls `body` with the tensor's bytes, little-endian and perhaps not aligned to their width.
    public func withBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try file.withBytes { (bytes) throws(Failure) in try body(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }

    /// All elements as float32: F32, F16 and BF16 exactly, F64 rounded to nearest even. Throws for other types.
    public func floats() throws(SafetensorsError) -> [Float] {
        try requireFloatingPoint()
        return Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            convert(0..<count, into: buffer)
            initialized = count
        }
    }

    /// Writes all elements as float32 into `buffer`, which must have room for exactly `count`.
    public func floats(into buffer: UnsafeMutableBufferPointer<Float>) throws(SafetensorsError) {
        try requireFloatingPoint()
        precondition(buffer.count == count, "the buffer must have room for exactly the tensor's elements")
        convert(0..<count, into: buffer)
    }

    /// The rows in `rows` of a two-dimensional tensor as float32, end to end; other rows are not touched.
    public func rows(_ rows: Range<Int>) throws(SafetensorsError) -> [Float] {
        let elements = try elements(ofRows: rows)
        return Array(unsafeUninitializedCapacity: elements.count) { buffer, initialized in
            convert(elements, into: buffer)
            initialized = elements.count
        }
    }

    /// Writes the rows in `rows` of a two-dimensional tensor as float32 into `buffer`, which must have room for exactly
    /// those; other rows are not touched.
    public func rows(_ rows: Range<Int>, into buffer: UnsafeMutableBufferPointer<Float>) throws(SafetensorsError) {
        let elements = try elements(ofRows: rows)
        precondition(buffer.count == elements.count, "the buffer must have room for exactly the rows' elements")
        convert(elements, into: buffer)
    }

    /// All elements as integers, exactly; BOOL as 0 and 1. Throws for floating-point types.
    public func integers() throws(SafetensorsError) -> [Int] {
        func all<Element: FixedWidthInteger>(_: Element.Type) -> [Int] {
            withBytes { bytes in
                (0..<count).map {
                    let offset = $0 * MemoryLayout<Element>.size
                    return Int(Element(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Element.self)))
                }
            }
        }
        switch elementType {
        case .int64: return all(Int64.self)
        case .int32: return all(Int32.self)
        case .int16: return all(Int16.self)
        case .int8: return all(Int8.self)
        case .uint8: return all(UInt8.self)
        case .bool: return withBytes { bytes in bytes.map { $0 == 0 ? 0 : 1 } }
        case .float64, .float32, .float16, .bfloat16:
            throw wrongElementType(expected: "an integer type (I64, I32, I16, I8, U8, BOOL)")
        }
    }

    /// Lets the system drop the tensor's resident pages, for instance once it is packed.
    public func adviseNotNeeded() { file.adviseNotNeeded(range) }

    private func elements(ofRows rows: Range<Int>) throws(SafetensorsError) -> Range<Int> {
        try requireFloatingPoint()
        guard shape.count == 2 else {
            throw SafetensorsError(path: file.path, problem: .notTwoDimensional(tensor: name, shape: shape))
        }
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape[0], "the rows must lie within the tensor")
        return rows.lowerBound * shape[1]..<rows.upperBound * shape[1]
    }

    private func requireFloatingPoint() throws(SafetensorsError) {
        guard elementType.isFloatingPoint else {
            throw wrongElementType(expected: "floating point (F64, F32, F16, BF16)")
        }
    }

    private func wrongElementType(expected: String) -> SafetensorsError {
        SafetensorsError(
            path: file.path, problem: .wrongElementType(tensor: name, found: elementType, expected: expected))
    }
}
