import Files
import Foundation
import Matrices
import Safetensors

/// Identifies the frozen weights that an adapter was trained on, so that it is not put on others of the same shape.
///
/// It is the SHA-256, in hexadecimal, of one line for each tensor of the encoder, sorted by name, each line
/// `<name> <element type> <extent>×<extent>… <XXH64 of the bytes as 16 hexadecimal digits>\n`. Names are those of the
/// bare model, so a checkpoint with the `bert.` prefix has the same fingerprint; poolers and heads do not count.
public struct BaseFingerprint: Hashable, Sendable, CustomStringConvertible {
    /// 64 hexadecimal digits.
    public let description: String

    /// The fingerprint written as `text`.
    public init(_ text: String) { description = text }

    init(_ tensors: [(name: String, tensor: TensorView)]) {
        let sorted = tensors.sorted { $0.name < $1.name }
        let lines = Parallel.map(sorted.count) { index in
            let (name, tensor) = sorted[index]
            let shape = tensor.shape.map(String.init).joined(separator: "×")
            let digits = String(tensor.withBytes { XXHash64.hash($0) }, radix: 16)
            let padded = String(repeating: "0", count: 16 - digits.count) + digits
            return "\(name) \(tensor.elementType.rawValue) \(shape) \(padded)\n"
        }
        var hash = SHA256()
        for line in lines { hash.update(Data(line.utf8)) }
        description = hash.hexDigest()
    }
}
