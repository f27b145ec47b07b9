import Encoders
import Foundation
import Matrices
import Safetensors

/// A fixture of tensors that another implementation computed.
public struct GoldenFile {
    private let file: SafetensorsFile

    /// Opens `Tests/Fixtures/<path>`.
    public init(_ path: String) throws { file = try SafetensorsFile(contentsOf: Fixtures.url(path)) }

    /// The names of all tensors.
    public var names: [String] { file.names }

    /// A JSON object that the maker put into the metadata.
    public func settings(_ name: String) throws -> [String: Any] {
        let text = file.metadata[name] ?? "{}"
        return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }

    /// The texts that the maker put into the metadata.
    public func texts() throws -> [String] {
        let list = file.metadata["texts"] ?? "[]"
        return try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [String] ?? []
    }

    /// The numbers of a tensor, row after row.
    public func floats(_ name: String) throws -> [Float] { try file.tensor(named: name).floats() }

    /// The integers of a tensor.
    public func integers(_ name: String) throws -> [Int] {
        try file.tensor(named: name).withBytes { Array($0.bindMemory(to: Int32.self)) }.map(Int.init)
    }

    /// A tensor of two axes, or of one as a single row.
    public func matrix(_ name: String) throws -> Matrix {
        let tensor = try file.tensor(named: name)
        let rows = tensor.shape.count == 2 ? tensor.shape[0] : 1
        return Matrix(rows: rows, columns: tensor.shape.last ?? 1, values: try tensor.floats())
    }

    /// The gradient [tokens, hidden] at the last hidden states that belongs to the golden gradients: a product of two thin matrices,
    /// so that the file is small.
    public func dy() throws -> Matrix {
        let (left, right) = (try matrix("dy.left"), try matrix("dy.right"))
        var dy = Matrix(rows: left.rows, columns: right.columns)
        for row in 0..<dy.rows {
            for column in 0..<dy.columns {
                dy[row, column] = (0..<left.columns).reduce(0) { $0 + left[row, $1] * right[$1, column] }
            }
        }
        return dy
    }

    /// The texts `<prefix>tokens`, `<prefix>lengths` and, where there are any, `<prefix>segments`.
    public func batch(_ prefix: String = "") throws -> PackedBatch {
        let tokens = try integers(prefix + "tokens").map(Int32.init)
        let segments =
            names.contains(prefix + "segments")
            ? try integers(prefix + "segments").map(Int32.init) : [Int32](repeating: 0, count: tokens.count)
        var (batch, start) = (PackedBatch(), 0)
        for length in try integers(prefix + "lengths") {
            let range = start..<start + length
            batch.append(tokens: Array(tokens[range]), segments: Array(segments[range]))
            start += length
        }
        return batch
    }
}
