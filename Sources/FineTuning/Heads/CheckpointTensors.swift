import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// The tensors of heads in a model folder.
struct CheckpointTensors {
    private let folder: String
    private let tensors: SafetensorsFolder
    private let prefix: String

    init(contentsOf folder: URL, _ names: CheckpointNames) throws(HeadError) {
        self.folder = folder.path(percentEncoded: false)
        do { tensors = try SafetensorsFolder(contentsOf: folder) } catch { throw .weights(error) }
        prefix = names.prefix(of: tensors.names)
    }

    /// "classifier.weight", "bert.pooler.dense.bias".
    func name(of parameter: Parameter, _ module: TaskHeadFamily.Module) -> String {
        let ending = parameter.name.hasSuffix(".bias") ? ".bias" : ".weight"
        return (module.isOfEncoder ? prefix : "") + module.name + ending
    }

    func has(_ parameter: Parameter, _ module: TaskHeadFamily.Module) -> Bool {
        tensors[name(of: parameter, module)] != nil
    }

    func values(of parameter: Parameter, _ module: TaskHeadFamily.Module) throws(HeadError) -> Matrix {
        let name = name(of: parameter, module)
        guard let tensor = tensors[name] else {
            throw .missingTensor(folder: folder, tensor: name, nearest: NearestName.to(name, among: tensors.names))
        }
        let extents = HeadNetwork.extents(of: parameter)
        guard tensor.shape == extents else {
            throw .wrongShape(file: folder, tensor: name, found: tensor.shape, expected: extents)
        }
        do {
            return Matrix(rows: parameter.rows, columns: parameter.columns, values: try tensor.floats())
        } catch { throw .weights(error) }
    }
}
