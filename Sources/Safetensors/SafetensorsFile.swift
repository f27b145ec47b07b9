import Files

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A safetensors file, mapped into memory: opening it reads and proves the header, tensors are read when asked for.
///
/// Format, what is checked and what is refused: `docs/formats.md`.
public struct SafetensorsFile: TensorSource {
    private let file: MappedFile
    private let header: SafetensorsHeader

    /// Opens the file at `url`; throws if it cannot be read or is anything but a whole, well-formed safetensors file.
    public init(contentsOf url: URL) throws(SafetensorsError) {
        do { file = try MappedFile(contentsOf: url) } catch {
            throw SafetensorsError(path: url.path, problem: .system(error))
        }
        do {
            header = try file.withBytes { (bytes) throws(SafetensorsError.Problem) in try SafetensorsHeader(bytes) }
        } catch { throw SafetensorsError(path: url.path, problem: error) }
    }

    /// The file's path.
    public var path: String { file.path }

    /// The names of all tensors, in the order of their bytes.
    public var names: [String] { header.names }

    /// The free text that the file carries, mostly `format: pt`.
    public var metadata: [String: String] { header.metadata }

    /// The tensor of that name, or nil.
    public subscript(name: String) -> TensorView? {
        header.entries[name].map {
            TensorView(name: name, elementType: $0.elementType, shape: $0.shape, file: file, range: $0.bytes)
        }
    }

    /// Lets the system drop the file's resident pages; tensors that are read again come from the disk again.
    public func adviseNotNeeded() { file.adviseNotNeeded() }
}
