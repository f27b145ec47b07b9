import Encoders

/// An adapter whose starting values are a function of a seed and of the names of its parameters.
protocol SeededAdapter: LinearAdapter {
    /// Puts them in.
    func initialize(_ values: inout ParameterVector, seed: UInt64)
}

extension AdapterSet {
    /// New adapters with their starting values.
    static func started(
        _ linear: [Site: some SeededAdapter], seed: UInt64
    ) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let adapters = AdapterSet(linear)
        var parameters = ParameterVector(adapters.parameters)
        for adapter in linear.values { adapter.initialize(&parameters, seed: seed) }
        return (adapters, parameters)
    }
}
