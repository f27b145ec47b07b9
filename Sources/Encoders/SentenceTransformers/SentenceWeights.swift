import Files
import Foundation
import Safetensors

/// The tensors in the folder of a module: all that the module has, and no others.
struct SentenceWeights {
    private let folder: String
    private let tensors: SafetensorsFolder

    /// Opens the folder's weights, which hold the tensors called `names`.
    init(contentsOf folder: URL, _ names: [String]) throws(EncoderError) {
        self.folder = folder.path(percentEncoded: false)
        do { tensors = try SafetensorsFolder(contentsOf: folder) } catch { throw .checkpoint(error) }
        if let other = tensors.names.first(where: { !names.contains($0) }) {
            throw .unexpectedTensor(folder: self.folder, tensor: other, expected: names)
        }
    }

    /// The numbers of a tensor.
    func floats(_ name: String, shape: [Int]) throws(EncoderError) -> [Float] {
        guard let tensor = tensors[name] else {
            throw .missingTensor(folder: folder, tensor: name, nearest: NearestName.to(name, among: tensors.names))
        }
        guard tensor.shape == shape else {
            throw .wrongShape(folder: folder, tensor: name, found: tensor.shape, expected: shape)
        }
        guard tensor.elementType.isFloatingPoint else {
            throw .notFloatingPoint(folder: folder, tensor: name, found: tensor.elementType.rawValue)
        }
        do { return try tensor.floats() } catch { throw .checkpoint(error) }
    }
}
