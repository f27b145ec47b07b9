import Encoders
import Safetensors

/// A parameter of an adapter as PEFT's file has it: what stands behind the module's name, and the axes.
struct AdapterTensor {
    let ending: String
    let parameter: Parameter
    let shape: [Int]

    /// As the parameter is, unless another shape is given.
    init(_ ending: String, _ parameter: Parameter, shape: [Int]? = nil) {
        (self.ending, self.parameter) = (ending, parameter)
        self.shape = shape ?? [parameter.rows, parameter.columns]
    }
}

extension AdapterReader {
    /// The values of adapters whose tensors are under the modules of their linear maps.
    mutating func read<Adapter: LinearAdapter>(
        _ linear: [Site: Adapter], _ tensors: (Adapter) -> [AdapterTensor]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let adapters = AdapterSet(linear)
        var values = ParameterVector(adapters.parameters)
        for site in adapters.sites {
            guard let adapter = linear[site] else { continue }
            for tensor in tensors(adapter) {
                let found = try read(peftNames.module(site) + tensor.ending, shape: tensor.shape)
                values[tensor.parameter] = found.reshaped(
                    rows: tensor.parameter.rows, columns: tensor.parameter.columns)
            }
        }
        return (adapters, values)
    }
}

extension SafetensorsWriter {
    /// Adds the tensors of each linear map's adapter; nil: it is of another method.
    mutating func add(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames,
        _ tensors: (any LinearAdapter) -> [AdapterTensor]?
    ) {
        for site in adapters.sites {
            for tensor in adapters.linear[site]?.proper.flatMap(tensors) ?? [] {
                add(
                    names.module(site) + tensor.ending, shape: tensor.shape,
                    floats: parameters[tensor.parameter].values)
            }
        }
    }
}
