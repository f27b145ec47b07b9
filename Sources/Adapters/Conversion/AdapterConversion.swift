import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// LoRA adapters in the formats of other programs: mlx's folders and llama.cpp's GGUF files.
///
/// Both keep the matrices of plain LoRA and nothing else: no head, no unfrozen tensors, no other method. What they have no place for is
/// refused by name. What is written is read again and compared.
public struct AdapterConversion: Sendable {
    /// How far what was written is from the adapter: of each linear map, in its change of the weight, scale · B A.
    public struct Parity: Sendable, Equatable {
        /// The number of linear maps.
        public let maps: Int
        /// Whether each matrix has the same bits, and each scale.
        public let isExact: Bool
        /// The largest difference of a weight's change, as a share of the largest change of that weight.
        public let largestDifference: Float
    }

    /// The encoder that the adapters are for.
    public let encoder: TransformerEncoder

    /// Conversions for the adapters of an encoder.
    public init(for encoder: TransformerEncoder) { self.encoder = encoder }

    // MARK: Reading

    /// The format of what is at a place.
    ///
    /// - Throws: ``AdapterConversionError/unknownFormat(path:)``
    public static func format(of url: URL) throws(AdapterConversionError) -> AdapterFormat {
        func has(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: url.appending(path: name).path(percentEncoded: false))
        }
        if has(AdapterBundle.weightsName) { return .peft }
        if has(MLXFolder.weightsName) { return .mlx }
        guard url.pathExtension.lowercased() == "gguf" else {
            throw .unknownFormat(path: url.path(percentEncoded: false))
        }
        return .gguf
    }

    /// Reads an adapter in any of the formats.
    ///
    /// - Parameter baseModel: what PEFT's folder will call the base.
    /// - Throws: ``AdapterConversionError`` naming the file and what in it does not fit the encoder.
    public func read(
        _ url: URL, baseModel: String? = nil, allowingOtherBase: Bool = false
    ) throws(AdapterConversionError) -> AdapterBundle {
        let parts: LowRankParts
        switch try AdapterConversion.format(of: url) {
        case .peft:
            do { return try AdapterBundle(contentsOf: url, for: encoder, allowingOtherBase: allowingOtherBase) } catch {
                throw .adapter(error)
            }
        case .mlx: parts = try MLXFolder(url).read(for: encoder, allowingOtherBase: allowingOtherBase)
        case .gguf: parts = try GGUFAdapter(url).read(for: encoder, allowingOtherBase: allowingOtherBase)
        }
        return parts.bundle(on: encoder, baseModel: baseModel)
    }

    // MARK: Writing

    /// Writes an adapter in another program's format: a folder for mlx, which is made if it is not there; a file for GGUF.
    ///
    /// - Parameter type: of the numbers in a GGUF file: float32, float16 or bfloat16, rounded once.
    /// - Returns: how what was written compares with the adapter.
    /// - Throws: ``AdapterConversionError`` naming what the format has no place for.
    public func write(
        _ bundle: AdapterBundle, as format: AdapterFormat, to url: URL, type: ElementType = .float32
    ) throws(AdapterConversionError) -> Parity {
        precondition(
            [.float32, .float16, .bfloat16].contains(type), "numbers of adapters are float32, float16 or bfloat16")
        let parts = try LowRankParts(bundle, for: format)
        let written: LowRankParts
        switch format {
        case .peft:
            do {
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
                try bundle.write(into: url)
                let read = try AdapterBundle(contentsOf: url, for: encoder, allowingOtherBase: true)
                written = try LowRankParts(read, for: .peft)
            } catch let error as AdapterError { throw .adapter(error) } catch let error as AdapterConversionError {
                throw error
            } catch { throw .files(FilesError("create", url.path(percentEncoded: false))) }
        case .mlx:
            let folder = MLXFolder(url)
            try folder.write(parts, for: encoder)
            written = try folder.read(for: encoder, allowingOtherBase: true)
        case .gguf:
            let file = GGUFAdapter(url)
            try file.write(parts, for: encoder, as: type)
            written = try file.read(for: encoder, allowingOtherBase: true)
        }
        let parity = AdapterConversion.compare(parts, written)
        let accepted: Float = type == .float32 ? 1e-5 : type == .float16 ? 2e-2 : 5e-2
        guard parity.maps == parts.parts.count, parity.largestDifference <= accepted else {
            throw .notTheSame(file: url.path(percentEncoded: false), difference: parity.largestDifference)
        }
        return parity
    }

    private static func compare(_ left: LowRankParts, _ right: LowRankParts) -> Parity {
        var (isExact, largest) = (left.parts.count == right.parts.count, Float(0))
        var maps = 0
        for (left, right) in zip(left.parts, right.parts) where left.site == right.site {
            maps += 1
            if left.a == right.a, left.b == right.b, left.scale == right.scale { continue }
            isExact = false
            let (old, new) = (left.change, right.change)
            let size = old.values.reduce(0) { max($0, abs($1)) }
            let difference = zip(old.values, new.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
            largest = max(largest, size > 0 ? difference / size : difference)
        }
        return Parity(maps: maps, isExact: isExact, largestDifference: largest)
    }
}

extension LowRankParts.Part {
    /// scale · B A
    fileprivate var change: Matrix {
        var change = Matrix(rows: b.rows, columns: a.columns)
        withViews(b, a) { views in
            change.withMutableView { Product.compute(views[0], views[1], scale: scale, into: $0) }
        }
        return change
    }
}
