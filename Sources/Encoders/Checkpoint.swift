import Files
import Foundation
import Matrices
import Safetensors
import Synchronization

/// The tensors of one encoder in its model folder: finds each under the names that checkpoints have had over the years,
/// checks its shape, and remembers which it was for the fingerprint. Several threads may read from it at once.
final class Checkpoint {
    private let folder: String
    private let tensors: SafetensorsFolder
    private let names: CheckpointNames
    private let prefix: String
    private let checked = Mutex<[String: TensorView]>([:])

    /// Each tensor used so far, under its name in the bare model, in no order.
    var used: [(name: String, tensor: TensorView)] { checked.withLock { $0.map { ($0.key, $0.value) } } }

    init(contentsOf folder: URL, _ names: CheckpointNames) throws(EncoderError) {
        self.folder = folder.path(percentEncoded: false)
        do { tensors = try SafetensorsFolder(contentsOf: folder) } catch { throw .checkpoint(error) }
        self.names = names
        prefix = names.prefix(of: tensors.names)
    }

    /// The tensor called `name` in the bare model, of the given shape.
    func tensor(_ name: String, shape: [Int]) throws(EncoderError) -> TensorView {
        guard let found = names.spellings(of: prefix + name).first(where: tensors.names.contains) else {
            throw .missingTensor(
                folder: folder, tensor: prefix + name, nearest: NearestName.to(prefix + name, among: tensors.names))
        }
        let tensor: TensorView
        do { tensor = try tensors.tensor(named: found) } catch { throw .checkpoint(error) }
        guard tensor.shape == shape else {
            throw .wrongShape(folder: folder, tensor: found, found: tensor.shape, expected: shape)
        }
        guard tensor.elementType.isFloatingPoint else {
            throw .notFloatingPoint(folder: folder, tensor: found, found: tensor.elementType.rawValue)
        }
        checked.withLock { $0[name] = tensor }
        return tensor
    }

    /// A vector of floats.
    func vector(_ name: String, count: Int) throws(EncoderError) -> [Float] {
        try tensor(name, shape: [count]).checkedFloats()
    }

    /// A matrix of floats.
    func table(_ name: String, rows: Int, columns: Int) throws(EncoderError) -> Matrix {
        try tensor(name, shape: [rows, columns]).checkedMatrix()
    }

    /// The linear map of a module, packed. `norm` is what it reads the output of, where that is a norm.
    func linear(
        _ module: String, inputs: Int, outputs: Int, hasBias: Bool = true, _ precision: Precision,
        reading norm: Norm? = nil
    ) throws(EncoderError) -> FrozenLinear {
        let weight = try tensor(module + ".weight", shape: [outputs, inputs])
        let bias =
            hasBias ? try vector(module + ".bias", count: outputs) : [Float](repeating: 0, count: outputs)
        let factors =
            precision != .int8
            ? nil : norm.map { InputEqualization.factors(norm: $0, weight: weight.checkedMatrix()) }
        return FrozenLinear(bias: bias, precision: precision, inputFactors: factors) { weight.checkedMatrix() }
    }

    /// The norm of a module.
    func norm(_ module: String, _ config: EncoderConfig, width: Int) throws(EncoderError) -> Norm {
        Norm(
            kind: config.normKind, gamma: try vector(module + ".weight", count: width),
            beta: config.normHasBias ? try vector(module + ".bias", count: width) : nil, epsilon: config.normEpsilon)
    }

    /// Lets go of the file's pages, which packing has read: they come back by themselves where needed.
    func releasePages() { tensors.adviseNotNeeded() }
}

/// Reading tensors that ``Checkpoint`` has found to be of floating point, which no longer fails.
extension TensorView {
    /// All numbers.
    func checkedFloats() -> [Float] {
        do { return try floats() } catch { preconditionFailure("\(name) was checked at load: \(error)") }
    }

    /// A tensor of two axes as a matrix.
    func checkedMatrix() -> Matrix {
        precondition(shape.count == 2, "\(name) was checked at load to have two axes")
        var matrix = Matrix(uninitializedRows: shape[0], columns: shape[1])
        matrix.withMutableBuffer { buffer in
            do { try floats(into: buffer) } catch { preconditionFailure("\(name) was checked at load: \(error)") }
        }
        return matrix
    }

    /// Copies one row of a matrix, converted to float32, to `destination`.
    func copyRow(_ row: Int, into destination: UnsafeMutablePointer<Float>) {
        let buffer = UnsafeMutableBufferPointer(start: destination, count: shape[1])
        do { try rows(row..<row + 1, into: buffer) } catch {
            preconditionFailure("\(name) was checked at load: \(error)")
        }
    }
}
