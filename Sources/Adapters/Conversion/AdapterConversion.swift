import Encoders
import Files
import Foundation
import Safetensors

/// Adapters in the formats of other programs: the one place where they are told apart, read, and written as each other.
///
/// Each format keeps what it has a place for: PEFT and AdapterHub the methods that they define, mlx LoRA and DoRA of linear maps, GGUF
/// LoRA of linear maps. Whatever else an adapter has is refused by name. What is written is read again and compared.
public struct AdapterConversion: Sendable {
    /// The encoder that the adapters are for.
    public let encoder: TransformerEncoder

    /// Conversions for the adapters of an encoder.
    public init(for encoder: TransformerEncoder) { self.encoder = encoder }

    // MARK: Reading

    /// The format of what is at a place.
    ///
    /// - Throws: ``AdapterConversionError/unknownFormat(path:)``
    public static func format(of url: URL) throws(AdapterConversionError) -> AdapterFormat {
        let path = url.path(percentEncoded: false)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .unknownFormat(path: path)
        }
        guard isFolder.boolValue else {
            guard GGUFFile.isOne(url) || url.pathExtension.lowercased() == "gguf" else {
                throw .unknownFormat(path: path)
            }
            return .gguf
        }
        func has(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: url.appending(path: name).path(percentEncoded: false))
        }
        // Three libraries call their configuration the same. What is in it tells; what is beside it, where it is missing or broken.
        if has(FusionMethod.configName) { return .adapterhub }
        // Parts of several methods are in Graft's own form of PEFT's folder: it is read, and refused by name where it is written.
        if PartsFolder.exists(in: url) { return .peft }
        let config = url.appending(path: AdapterBundle.configName)
        if let fields = try? JSONFields(contentsOf: config) {
            if fields.value("peft_type") != nil { return .peft }
            if AdapterHubFiles.wrote(fields) { return .adapterhub }
            if MLXFolder.wrote(fields) { return .mlx }
        }
        if has(AdapterBundle.weightsName) { return .peft }
        if has(MLXFolder.weightsName) { return .mlx }
        if has(AdapterHubFiles.weightsName) || has(AdapterHubFiles.pickledName) { return .adapterhub }
        throw .unknownFormat(path: path)
    }

    /// Reads an adapter in any of the formats.
    ///
    /// - Parameter baseModel: what the base is called where the format does not say it (mlx, GGUF).
    /// - Throws: ``AdapterConversionError`` naming the file and what in it does not fit the encoder.
    public func read(
        _ url: URL, baseModel: String? = nil, allowingOtherBase: Bool = false
    ) throws(AdapterConversionError) -> AdapterBundle {
        let parts: LowRankParts
        switch try AdapterConversion.format(of: url) {
        case .peft, .adapterhub:
            do { return try AdapterBundle(contentsOf: url, for: encoder, allowingOtherBase: allowingOtherBase) } catch {
                throw .adapter(error)
            }
        case .mlx: parts = try MLXFolder(url).read(for: encoder, allowingOtherBase: allowingOtherBase)
        case .gguf: parts = try GGUFAdapter(url).read(for: encoder, allowingOtherBase: allowingOtherBase)
        }
        return parts.bundle(on: encoder, baseModel: baseModel)
    }

    // MARK: Writing

    /// Writes an adapter in a format: into a folder, which is made if it is not there, or as a file for GGUF. What is there is not
    /// removed; `TaskConversion` writes beside it, and puts the new in its place when it has proven to be the same.
    ///
    /// - Parameter type: of the numbers in a GGUF file: float32, float16 or bfloat16, rounded once.
    /// - Returns: how what was written compares with the adapter.
    /// - Throws: ``AdapterConversionError`` naming what the format has no place for, before anything is written.
    public func write(
        _ bundle: AdapterBundle, as format: AdapterFormat, to url: URL, type: ElementType = .float32
    ) throws(AdapterConversionError) -> AdapterParity {
        precondition(
            [.float32, .float16, .bfloat16].contains(type), "numbers of adapters are float32, float16 or bfloat16")
        precondition(type == .float32 || format == .gguf, "only GGUF files have numbers of other types than float32")
        switch format {
        case .peft: try write(into: url) { () throws(AdapterError) in try bundle.writeForPEFT(into: url) }
        case .adapterhub: try write(into: url) { () throws(AdapterError) in try bundle.writeForAdapterHub(into: url) }
        case .mlx: try MLXFolder(url).write(LowRankParts(bundle, for: format), for: encoder)
        case .gguf: try GGUFAdapter(url).write(LowRankParts(bundle, for: format), for: encoder, as: type)
        }
        let parity = AdapterParity(of: bundle, try read(url, allowingOtherBase: true))
        let accepted: Float = type == .float32 ? 1e-5 : type == .float16 ? 2e-2 : 5e-2
        guard parity.largestDifference <= accepted else {
            throw .notTheSame(file: url.path(percentEncoded: false), difference: parity.largestDifference)
        }
        return parity
    }

    private func write(
        into folder: URL, _ body: () throws(AdapterError) -> Void
    ) throws(AdapterConversionError) {
        do throws(FilesError) {
            try FilesError.catching("create", folder.path(percentEncoded: false)) {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
        } catch { throw .files(error) }
        do { try body() } catch { throw .adapter(error) }
    }
}
