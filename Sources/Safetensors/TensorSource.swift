import Files

/// Anything that tensors can be read from by name: one file, or a folder of shards.
public protocol TensorSource: Sendable {
    /// The path of the file or folder.
    var path: String { get }
    /// The names of all tensors, in the order of their bytes.
    var names: [String] { get }
    /// The tensor of that name, or nil.
    subscript(name: String) -> TensorView? { get }
}

extension TensorSource {
    /// The tensor of that name; an error tells the nearest name that there is.
    public func tensor(named name: String) throws(SafetensorsError) -> TensorView {
        guard let tensor = self[name] else {
            throw SafetensorsError(
                path: path, problem: .noSuchTensor(name, nearest: NearestName.to(name, among: names)))
        }
        return tensor
    }
}
