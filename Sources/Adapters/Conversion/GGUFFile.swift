import Files
import Foundation
import Matrices
import Safetensors

/// A GGUF file, llama.cpp's format for models and adapters: metadata and tensors, read from a mapping.
///
/// All that its header says is checked against the file's length before it is used.
public struct GGUFFile: Sendable {
    /// The metadata by its keys.
    public let values: [String: GGUFValue]
    /// The tensors' names, in the order of the file.
    public let names: [String]
    private let tensors: [String: Tensor]
    private let file: MappedFile

    /// What the header says of a tensor; its last axis is the one that is side by side, as in PyTorch.
    private struct Tensor {
        let shape: [Int]
        let type: ElementType
        let start: Int
    }

    /// Opens a file and reads its header.
    ///
    /// - Throws: ``GGUFError`` saying what is wrong where.
    public init(contentsOf url: URL) throws(GGUFError) {
        let path = url.path(percentEncoded: false)
        do { file = try MappedFile(contentsOf: url) } catch { throw GGUFError(path: path, problem: .system(error)) }
        var cursor = Cursor(file: file, path: path)
        guard file.count >= 4, try cursor.bytes(4, "the magic") == Array("GGUF".utf8) else {
            throw cursor.error(.notGGUF)
        }
        let version = try cursor.number(UInt32.self, "the version")
        guard version == 2 || version == 3 else { throw cursor.error(.version(version)) }
        let tensorCount = try cursor.count("tensors", leastBytes: 8 + 4 + 4 + 8)
        let valueCount = try cursor.count("values", leastBytes: 8 + 4 + 1)
        var values: [String: GGUFValue] = [:]
        for _ in 0..<valueCount {
            let key = try cursor.text("a key")
            let type = try cursor.number(UInt32.self, "a type")
            guard values.updateValue(try cursor.value(type, key, depth: 0), forKey: key) == nil else {
                throw cursor.error(.repeated(key))
            }
        }
        var alignment = 32
        if let value = values["general.alignment"] {
            guard case .integer(let bytes) = value, bytes > 0, bytes <= 1 << 20, bytes & (bytes - 1) == 0 else {
                throw cursor.error(
                    .value(key: "general.alignment", found: "\(value)", expected: "a power of two, at most 1048576"))
            }
            alignment = bytes
        }
        var infos: [(name: String, shape: [Int], type: ElementType, offset: UInt64)] = []
        for _ in 0..<tensorCount {
            let name = try cursor.text("a tensor's name")
            let axes = try cursor.number(UInt32.self, "the axes of '\(name)'")
            guard (1...4).contains(axes) else { throw cursor.error(.tooMany("axes of '\(name)'", count: UInt64(axes))) }
            var shape: [Int] = []
            var count = 1
            for _ in 0..<axes {
                let extent = try cursor.number(UInt64.self, "an extent of '\(name)'")
                let (product, isTooMany) = count.multipliedReportingOverflow(by: Int(clamping: extent))
                guard !isTooMany, extent <= UInt64(file.count), product <= file.count else {
                    throw cursor.error(.tooMany("elements of '\(name)'", count: extent))
                }
                count = product
                shape.insert(Int(extent), at: 0)
            }
            let type = try cursor.number(UInt32.self, "the type of '\(name)'")
            guard let element = GGUFFile.elementTypes[type] else {
                throw cursor.error(.tensorType(tensor: name, found: type))
            }
            infos.append((name, shape, element, try cursor.number(UInt64.self, "the offset of '\(name)'")))
        }
        let start = (cursor.place + alignment - 1) / alignment * alignment
        let data = max(0, file.count - start)
        var tensors: [String: Tensor] = [:]
        for info in infos {
            let bytes = info.shape.reduce(1, *) * info.type.width
            let isInside = info.offset <= UInt64(data) && bytes <= data - Int(clamping: info.offset)
            guard isInside, info.offset % UInt64(alignment) == 0 else {
                throw cursor.error(.place(tensor: info.name, offset: info.offset, bytes: bytes, data: data))
            }
            let tensor = Tensor(shape: info.shape, type: info.type, start: start + Int(info.offset))
            guard tensors.updateValue(tensor, forKey: info.name) == nil else {
                throw cursor.error(.repeated(info.name))
            }
        }
        (self.values, self.tensors, names) = (values, tensors, infos.map(\.name))
    }

    /// Whether a file begins as one, whatever it is called.
    package static func isOne(_ url: URL) -> Bool {
        guard let file = try? MappedFile(contentsOf: url), file.count >= 4 else { return false }
        return file.withBytes { $0.prefix(4).elementsEqual("GGUF".utf8) }
    }

    /// The extents of a tensor, the last axis side by side; nil if there is none of this name.
    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// The type of a tensor's elements; nil if there is none of this name.
    public func elementType(of name: String) -> ElementType? { tensors[name]?.type }

    /// The numbers of a tensor, row after row; nil if there is none of this name.
    public func floats(of name: String) -> [Float]? {
        guard let tensor = tensors[name] else { return nil }
        let count = tensor.shape.reduce(1, *)
        return file.withBytes { bytes in
            (0..<count).map { index in
                let place = tensor.start + index * tensor.type.width
                guard tensor.type != .float32 else {
                    return Float(
                        bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
                }
                let half = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self))
                return tensor.type == .float16 ? HalfPrecision.float(half: half) : HalfPrecision.float(bfloat: half)
            }
        }
    }

    /// ggml's numbers of the types that are read.
    static let elementTypes: [UInt32: ElementType] = [0: .float32, 1: .float16, 30: .bfloat16]
}

/// Reads a header from its beginning.
private struct Cursor {
    let file: MappedFile
    let path: String
    private(set) var place = 0

    init(file: MappedFile, path: String) { (self.file, self.path) = (file, path) }

    func error(_ problem: GGUFError.Problem) -> GGUFError { GGUFError(path: path, problem: problem) }

    mutating func bytes(_ count: Int, _ what: String) throws(GGUFError) -> [UInt8] {
        guard count <= file.count - place else {
            throw error(.cutShort(reading: what, at: place, length: file.count))
        }
        defer { place += count }
        return file.withBytes { Array($0[place..<place + count]) }
    }

    mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type, _ what: String
    ) throws(GGUFError) -> Number {
        let bytes = try bytes(MemoryLayout<Number>.size, what)
        return Number(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(as: Number.self) })
    }

    /// How many there are of something, each of which takes some bytes.
    mutating func count(_ what: String, leastBytes: Int) throws(GGUFError) -> Int {
        let count = try number(UInt64.self, "the number of \(what)")
        guard count <= UInt64((file.count - place) / leastBytes) else { throw error(.tooMany(what, count: count)) }
        return Int(count)
    }

    mutating func text(_ what: String) throws(GGUFError) -> String {
        let length = try count("bytes of \(what)", leastBytes: 1)
        let start = place
        guard let text = String(validating: try bytes(length, what), as: UTF8.self) else {
            throw error(.notText(at: start))
        }
        return text
    }

    mutating func value(_ type: UInt32, _ key: String, depth: Int) throws(GGUFError) -> GGUFValue {
        switch type {
        case 0: return .integer(Int(try number(UInt8.self, key)))
        case 1: return .integer(Int(try number(Int8.self, key)))
        case 2: return .integer(Int(try number(UInt16.self, key)))
        case 3: return .integer(Int(try number(Int16.self, key)))
        case 4: return .integer(Int(try number(UInt32.self, key)))
        case 5: return .integer(Int(try number(Int32.self, key)))
        case 6: return .float(Float(bitPattern: try number(UInt32.self, key)))
        case 7: return .flag(try number(UInt8.self, key) != 0)
        case 8: return .text(try text(key))
        case 9 where depth < 4:
            let element = try number(UInt32.self, key)
            let count = try count("elements of '\(key)'", leastBytes: 1)
            var elements: [GGUFValue] = []
            for _ in 0..<count { elements.append(try value(element, key, depth: depth + 1)) }
            return .array(elements)
        case 10: return .integer(Int(clamping: try number(UInt64.self, key)))
        case 11: return .integer(Int(try number(Int64.self, key)))
        case 12: return .double(Double(bitPattern: try number(UInt64.self, key)))
        default: throw error(.valueType(type, name: key))
        }
    }
}
