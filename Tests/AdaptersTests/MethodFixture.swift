import Adapters
import Encoders
import Foundation
import Matrices
import TestSupport

/// A folder of `Tests/Fixtures/methods`, which PEFT wrote, with its base and what PEFT computes with it.
struct MethodFixture {
    let folder: URL
    let encoder: TransformerEncoder
    let bundle: AdapterBundle
    let batch: PackedBatch
    let golden: GoldenFile
    let method: String

    private static let root = Fixtures.url("methods")

    /// "bert/ia3", "bert/loha", …
    static let names: [String] = {
        func entries(_ url: URL) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: url.path(percentEncoded: false))) ?? []).sorted()
        }
        return entries(root).filter { !$0.contains(".") }.flatMap { family in
            entries(root.appending(path: family)).filter { !$0.hasSuffix(".safetensors") }.map { "\(family)/\($0)" }
        }
    }()

    /// Those that are changes of weights and biases.
    static let mergeable = names.filter { name in
        !["prefix", "prompt", "p-tuning"].contains { name.split(separator: "/")[1].hasPrefix($0) }
    }

    init(_ name: String, _ precision: Precision = .float32) throws {
        let parts = name.split(separator: "/").map(String.init)
        (folder, method) = (MethodFixture.root.appending(path: name), parts[1])
        encoder = try FamilyFixture(parts[0]).encoder(precision)
        golden = try GoldenFile("methods/\(parts[0])/golden.safetensors")
        batch = try golden.batch()
        bundle = try AdapterBundle(contentsOf: folder, for: encoder)
    }

    func floats(_ name: String) throws -> [Float] { try golden.floats("\(method).\(name)") }

    /// How many gradients there are to compare with.
    var gradientCount: Int { golden.names.filter { $0.hasPrefix("\(method).gradient.") }.count }

    /// Hidden states, the gradients of what trains, and that of what enters the first layer.
    func run() throws -> (hidden: Matrix, gradients: Gradients, dx: Matrix) {
        let pass = Pass(parameters: bundle.parameters, demand: .parametersAndInput)
        let (hidden, pullback) = encoder.forward(batch, adapters: bundle.adapters, pass)
        var gradients = bundle.parameters.zeroed()
        let dx = pullback(try golden.dy(), &gradients)
        return (hidden, gradients, dx)
    }

    /// The gradients by the names of PEFT's tensors.
    func named(_ gradients: Gradients) -> [String: [Float]] {
        let (adapters, names) = (bundle.adapters, encoder.config.names)
        var named: [String: [Float]] = [:]
        for (site, adapter) in adapters.linear {
            for parameter in adapter.parameters {
                let ending = parameter.name.dropFirst(site.description.count)
                let weight = ending == ".oft_R" ? ".weight" : ""
                named["base_model.model.\(names.module(of: site))\(ending)\(weight)"] = gradients[parameter].values
            }
        }
        for (tensor, parameter) in adapters.deltas {
            let name = names.name(of: tensor)
            let dot = name.lastIndex(of: ".") ?? name.endIndex
            named["base_model.model.\(name[..<dot]).ln_tuning_layers\(name[dot...])"] = gradients[parameter].values
        }
        if let prompt = adapters.prompt { named["prompt_embeddings"] = gradients[prompt.rows].values }
        let layers = adapters.prefixParameters.map { gradients[$0] }
        if let first = layers.first {
            named["prompt_embeddings"] = (0..<first.rows).flatMap { row in layers.flatMap { $0.row(row) } }
        }
        return named
    }
}
