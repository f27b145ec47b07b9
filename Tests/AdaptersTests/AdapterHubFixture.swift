import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// A folder of AdapterHub's library on a tiny encoder, and what the library computes with it
/// (`Tests/Peers/make_adapterhub_fixtures.py`).
struct AdapterHubFixture {
    let folder: URL
    let encoder: TransformerEncoder
    let golden: GoldenFile
    let batch: PackedBatch

    /// `name` is "<family>.<case>".
    init(_ name: String) throws {
        folder = Fixtures.url("adapterhub/\(name)")
        let family = name.prefix { $0 != "." }
        encoder = try TransformerEncoder(contentsOf: Fixtures.url("families/\(family)"))
        golden = try GoldenFile("adapterhub/\(name)/golden.safetensors")
        batch = try golden.batch()
    }

    func bundle() throws -> AdapterBundle { try AdapterBundle(contentsOf: folder, for: encoder) }

    /// Hidden states, the gradients of what trains, and that of what enters the first layer where that is asked for.
    func run(_ bundle: AdapterBundle, demand: GradientDemand) throws -> (
        hidden: Matrix, gradients: Gradients, dx: Matrix
    ) {
        let pass = Pass(parameters: bundle.parameters, demand: demand)
        let (hidden, pullback) = encoder.forward(batch, adapters: bundle.adapters, pass)
        var gradients = bundle.parameters.zeroed()
        let dx = pullback(try golden.dy(), &gradients)
        return (hidden, gradients, dx)
    }

    /// The golden gradients by their tensors' names, each with the parameter that holds the tensor's numbers. Every tensor is
    /// random, so there is one.
    func goldenGradients(
        of bundle: AdapterBundle, in weights: String
    ) throws -> [(name: String, parameter: Parameter, gradient: [Float])] {
        let file = try SafetensorsFile(contentsOf: folder.appending(path: weights))
        return try golden.names.filter { $0.hasPrefix("gradient.") }.map { name in
            let tensor = String(name.dropFirst("gradient.".count))
            let values = try file.tensor(named: tensor).floats()
            let parameter = bundle.adapters.parameters.first { bundle.parameters[$0].values == values }
            return (tensor, try #require(parameter, "\(tensor)"), try golden.floats(name))
        }
    }

    /// The object `config` of a folder's `adapter_config.json`.
    static func configuration(of folder: URL) throws -> [String: Any] {
        let data = try Data(contentsOf: folder.appending(path: "adapter_config.json"))
        let fields = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return fields?["config"] as? [String: Any] ?? [:]
    }
}
