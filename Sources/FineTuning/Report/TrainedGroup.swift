import Encoders

/// Parameters that trained and belong together: "adapters", "heads", "layers", ….
public struct TrainedGroup: Sendable, Equatable {
    /// What they are called.
    public var name: String
    /// How many matrices and vectors, and how many numbers in these.
    public var tensors, parameters: Int

    /// The given group.
    public init(_ name: String, tensors: Int, parameters: Int) {
        (self.name, self.tensors, self.parameters) = (name, tensors, parameters)
    }

    /// Bytes of the numbers in float32, in which they train and are saved.
    public var bytes: Int { parameters * MemoryLayout<Float>.stride }

    /// Parameters by the parts of the model that they are of, the parts in the order of ``ParameterPlace/Part``.
    public static func groups(of parameters: [(parameter: Parameter, place: ParameterPlace)]) -> [TrainedGroup] {
        ParameterPlace.Part.allCases.compactMap { part in
            let own = parameters.filter { $0.place.part == part }.map(\.parameter)
            guard !own.isEmpty else { return nil }
            return TrainedGroup(part.rawValue, tensors: own.count, parameters: own.reduce(0) { $0 + $1.count })
        }
    }
}
