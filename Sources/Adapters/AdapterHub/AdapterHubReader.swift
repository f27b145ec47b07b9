import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// Reads `adapter.safetensors`, and keeps account of the tensors that nobody has asked for yet.
public struct AdapterHubReader {
    /// The encoder that the adapter is read for.
    public let encoder: TransformerEncoder
    /// What tensors are called in this file.
    public let names: AdapterHubNames
    /// The folder that is read, and whether it may have been trained on another base.
    let folder: URL
    var allowsOtherBase = false
    private let file: SafetensorsFile
    private let path: String
    private var unread: Set<String>

    /// Opens the weights of a folder whose adapter is called `name`.
    ///
    /// - Throws: ``AdapterError``, with the way out where the folder has the library's pickled weights alone.
    init(
        _ folder: URL, weights: String = AdapterHubFiles.weightsName, pickled: String = AdapterHubFiles.pickledName,
        adapter: String, for encoder: TransformerEncoder
    ) throws(AdapterError) {
        let url = folder.appending(path: weights)
        path = url.path(percentEncoded: false)
        let other = folder.appending(path: pickled).path(percentEncoded: false)
        let manager = FileManager.default
        if !manager.fileExists(atPath: path), manager.fileExists(atPath: other) {
            throw .pickledWeights(file: other, needed: path)
        }
        do { file = try SafetensorsFile(contentsOf: url) } catch { throw .weights(error) }
        names = AdapterHubNames(
            encoder.config, prefix: AdapterHubNames.prefix(of: file.names, encoder.config), adapter: adapter)
        unread = Set(file.names)
        (self.encoder, self.folder) = (encoder, folder)
    }

    /// The base that the folder was trained on, where it says so.
    var fingerprint: BaseFingerprint? { file.metadata[AdapterBundle.fingerprintKey].map { BaseFingerprint($0) } }

    /// Whether a tensor is there.
    func has(_ name: String) -> Bool { file[name] != nil }

    /// The finite numbers of a tensor, as `rows` rows: its axes may be others.
    mutating func read(_ name: String, shape: [Int], rows: Int) throws(AdapterError) -> Matrix {
        guard unread.remove(name) != nil else {
            throw .missingTensor(file: path, tensor: name, nearest: NearestName.to(name, among: file.names))
        }
        do {
            let tensor = try file.tensor(named: name)
            guard tensor.shape == shape else {
                throw AdapterError.wrongShape(file: path, tensor: name, found: tensor.shape, expected: shape)
            }
            let (count, values) = (shape.reduce(1, *), try tensor.floats())
            try AdapterError.checkFinite(values, file: path, tensor: name)
            return Matrix(rows: rows, columns: count / rows, values: values)
        } catch let error as AdapterError { throw error } catch let error as SafetensorsError {
            throw .weights(error)
        } catch { preconditionFailure("reading a tensor throws no other errors") }
    }

    /// A tensor that takes no part.
    mutating func ignore(_ name: String) { unread.remove(name) }

    /// The error of a tensor that is left.
    func checkRest() throws(AdapterError) {
        if let tensor = unread.min() { throw .unexpectedTensor(file: path, tensor: tensor) }
    }
}
