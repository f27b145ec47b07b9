import Files
import Foundation
import Safetensors

/// Writes a GGUF file of version 3, byte for byte the one that the `gguf` package of llama.cpp writes for the same values and tensors
/// in the same order.
struct GGUFWriter {
    private var values: [(key: String, value: GGUFValue)] = []
    private var tensors: [(name: String, shape: [Int], type: ElementType, floats: [Float])] = []
    private static let alignment = 32

    /// Adds a value of the metadata. A whole number is within 32 bits.
    mutating func add(_ key: String, _ value: GGUFValue) { values.append((key, value)) }

    /// Adds a tensor, its last axis side by side, stored as float32, float16 or bfloat16 after one rounding.
    mutating func add(_ name: String, shape: [Int], floats: [Float], as type: ElementType) {
        precondition(floats.count == shape.reduce(1, *), "a tensor has as many elements as its shape says")
        tensors.append((name, shape, type, floats))
    }

    /// Writes the file whole, in place of an older one.
    func write(to url: URL) throws(FilesError) {
        var data = Data("GGUF".utf8)
        data.append(UInt32(3))
        data.append(UInt64(tensors.count))
        data.append(UInt64(values.count))
        for (key, value) in values {
            data.append(text: key)
            data.append(value.type)
            data.append(value)
        }
        var offset = 0
        for tensor in tensors {
            data.append(text: tensor.name)
            data.append(UInt32(tensor.shape.count))
            for extent in tensor.shape.reversed() { data.append(UInt64(extent)) }
            guard let type = GGUFFile.elementTypes.first(where: { $0.value == tensor.type })?.key else {
                preconditionFailure("GGUF adapters are float32, float16 or bfloat16")
            }
            data.append(type)
            data.append(UInt64(offset))
            offset += GGUFWriter.padded(tensor.floats.count * tensor.type.width)
        }
        data.append(Data(count: GGUFWriter.padded(data.count) - data.count))
        for tensor in tensors {
            let start = data.count
            switch tensor.type {
            case .float16: for value in tensor.floats { data.append(HalfPrecision.half(value)) }
            case .bfloat16: for value in tensor.floats { data.append(HalfPrecision.bfloat(value)) }
            default: for value in tensor.floats { data.append(value.bitPattern) }
            }
            let count = data.count - start
            data.append(Data(count: GGUFWriter.padded(count) - count))
        }
        try AtomicFile.write(data, to: url)
    }

    private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

extension Data {
    fileprivate mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(text: String) {
        append(UInt64(text.utf8.count))
        append(contentsOf: Array(text.utf8))
    }

    fileprivate mutating func append(_ value: GGUFValue) {
        switch value {
        case .integer(let number): append(UInt32(number))
        case .float(let number): append(number.bitPattern)
        case .double(let number): append(number.bitPattern)
        case .flag(let flag): append(UInt8(flag ? 1 : 0))
        case .text(let text): append(text: text)
        case .array(let values):
            append(values.first?.type ?? 4)
            append(UInt64(values.count))
            for value in values { append(value) }
        }
    }
}
