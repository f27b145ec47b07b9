#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Files

/// Writes a safetensors file, byte for byte the one that the reference library writes for the same tensors and metadata.
///
/// Wide types come first, then names in the order of their UTF-8 bytes; the header is compact JSON, padded with spaces to
/// a multiple of 8. Several metadata entries are sorted by name, where the reference library's order changes from run to
/// run. The file appears whole or not at all.
public struct SafetensorsWriter {
    /// Where a tensor's elements come from; asked for only while the file is written, one tensor at a time.
    private enum Source {
        case floats(() -> [Float])
        case integers([Int])
        case view(TensorView)
    }

    private struct Tensor {
        let name: String
        let elementType: ElementType
        let shape: [Int]
        let source: Source
        var count: Int { shape.reduce(1, *) }
    }

    private let metadata: [String: String]
    private var tensors: [String: Tensor] = [:]
    /// The elements that are converted at a time, so that a conversion takes no second copy of the tensor.
    private static let chunk = 1 << 16

    /// Begins a file. transformers refuses to load one without `format: pt`.
    public init(metadata: [String: String] = ["format": "pt"]) {
        self.metadata = metadata
    }

    /// Adds a tensor of float32 numbers, in row-major order, stored as `elementType` after one rounding to nearest even.
    public mutating func add(_ name: String, shape: [Int], floats: [Float], as elementType: ElementType = .float32) {
        precondition(floats.count == shape.reduce(1, *), "a tensor has as many elements as its shape says")
        add(name, shape: shape, as: elementType) { floats }
    }

    /// Adds a tensor whose numbers are made when it is their turn to be written.
    public mutating func add(
        _ name: String, shape: [Int], as elementType: ElementType = .float32, floats: @escaping () -> [Float]
    ) {
        precondition(elementType.isFloatingPoint, "floats are stored as a floating-point type")
        add(Tensor(name: name, elementType: elementType, shape: shape, source: .floats(floats)))
    }

    /// Adds a tensor of integers, each within the range of `elementType`.
    public mutating func add(_ name: String, shape: [Int], integers: [Int], as elementType: ElementType = .int64) {
        precondition(!elementType.isFloatingPoint, "integers are stored as an integer type")
        precondition(integers.count == shape.reduce(1, *), "a tensor has as many elements as its shape says")
        add(Tensor(name: name, elementType: elementType, shape: shape, source: .integers(integers)))
    }

    /// Adds a tensor of another file: as it is, or a floating-point one as another type after one rounding.
    public mutating func add(_ tensor: TensorView, named name: String? = nil, as elementType: ElementType? = nil) {
        let elementType = elementType ?? tensor.elementType
        precondition(
            elementType == tensor.elementType || elementType.isFloatingPoint && tensor.elementType.isFloatingPoint,
            "only floating-point tensors are converted")
        add(Tensor(name: name ?? tensor.name, elementType: elementType, shape: tensor.shape, source: .view(tensor)))
    }

    private mutating func add(_ tensor: Tensor) {
        precondition(tensor.name != SafetensorsHeader.metadataKey, "this name is the metadata's")
        precondition(tensor.shape.allSatisfy { $0 >= 0 }, "extents are not negative")
        let previous = tensors.updateValue(tensor, forKey: tensor.name)
        precondition(previous == nil, "every tensor has a name of its own")
    }

    /// Writes the file, replacing an older one.
    public func write(to url: URL) throws(SafetensorsError) {
        let ordered = tensors.values.sorted {
            $0.elementType != $1.elementType
                ? $0.elementType > $1.elementType : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        let header = header(of: ordered)
        guard header.count <= SafetensorsHeader.lengthLimit else {
            let limit = SafetensorsHeader.lengthLimit
            throw SafetensorsError(
                path: url.path, problem: .headerTooLong(length: UInt64(header.count), limit: limit))
        }
        do {
            let file = try AtomicFile(replacing: url)
            try write([UInt64(header.count).littleEndian], to: file)
            try write(header, to: file)
            for tensor in ordered { try write(tensor, to: file) }
            try file.commit()
        } catch { throw SafetensorsError(path: url.path, problem: .system(error)) }
    }

    private func header(of ordered: [Tensor]) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let entries = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            let text = entries.map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",")
            members.append("\"\(SafetensorsHeader.metadataKey)\":{\(text)}")
        }
        var begin = 0
        for tensor in ordered {
            let end = begin + tensor.count * tensor.elementType.width
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.elementType.rawValue)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}")
            begin = end
        }
        let json = Array("{\(members.joined(separator: ","))}".utf8)
        return json + [UInt8](repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    }

    /// JSON's string as serde_json writes it: only quotes, backslashes and control characters are escaped.
    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case ..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private func write(_ tensor: Tensor, to file: AtomicFile) throws(FilesError) {
        switch tensor.source {
        case .floats(let make):
            let values = make()
            precondition(values.count == tensor.count, "a tensor has as many elements as its shape says")
            for begin in stride(from: 0, to: values.count, by: Self.chunk) {
                let part = values[begin..<min(begin + Self.chunk, values.count)]
                try write(floats: part, as: tensor.elementType, to: file)
            }
        case .integers(let values):
            switch tensor.elementType {
            case .int64: try write(values.map { Int64($0).littleEndian }, to: file)
            case .int32: try write(values.map { Int32($0).littleEndian }, to: file)
            case .int16: try write(values.map { Int16($0).littleEndian }, to: file)
            case .int8: try write(values.map { Int8($0) }, to: file)
            case .uint8: try write(values.map { UInt8($0) }, to: file)
            case .bool: try write(values.map { $0 == 0 ? UInt8(0) : 1 }, to: file)
            case .float64, .float32, .float16, .bfloat16: preconditionFailure("integers are stored as integers")
            }
        case .view(let view) where view.elementType == tensor.elementType:
            try view.withBytes { (bytes) throws(FilesError) in try file.write(bytes) }
            view.adviseNotNeeded()
        case .view(let view):
            let isNarrow = tensor.elementType.width == 2
            var buffer = [Float](repeating: 0, count: min(Self.chunk, view.count))
            for begin in stride(from: 0, to: view.count, by: Self.chunk) {
                let elements = begin..<min(begin + Self.chunk, view.count)
                buffer.withUnsafeMutableBufferPointer {
                    view.convert(elements, into: $0, roundingToOdd: isNarrow)
                }
                try write(floats: buffer.prefix(elements.count), as: tensor.elementType, to: file)
            }
            view.adviseNotNeeded()
        }
    }

    private func write(
        floats: ArraySlice<Float>, as elementType: ElementType, to file: AtomicFile
    ) throws(FilesError) {
        switch elementType {
        case .float64: try write(floats.map { Double($0).bitPattern.littleEndian }, to: file)
        case .float32: try write(floats.map { $0.bitPattern.littleEndian }, to: file)
        case .float16: try write(floats.map { HalfPrecision.half($0).littleEndian }, to: file)
        case .bfloat16: try write(floats.map { HalfPrecision.bfloat($0).littleEndian }, to: file)
        case .bool, .uint8, .int8, .int16, .int32, .int64: preconditionFailure("floats are stored as floats")
        }
    }

    private func write(_ elements: [some BitwiseCopyable], to file: AtomicFile) throws(FilesError) {
        let outcome = elements.withUnsafeBytes { bytes in
            Result { () throws(FilesError) in try file.write(bytes) }
        }
        try outcome.get()
    }
}
