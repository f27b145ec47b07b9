import Adapters
import Encoders
import Foundation
import Matrices
import TestSupport

/// A folder of `Tests/Fixtures/unfreezing` with its base and what PEFT computes with it.
struct UnfreezingFixture {
    let folder: URL
    let encoder: TransformerEncoder
    let bundle: AdapterBundle
    let batch: PackedBatch
    private let golden: GoldenFile
    private let kind: String

    /// `path` is "bert/modules".
    init(_ path: String) throws {
        let parts = path.split(separator: "/").map(String.init)
        folder = Fixtures.url("unfreezing/\(path)")
        encoder = try FamilyFixture(parts[0]).encoder()
        golden = try GoldenFile("unfreezing/\(parts[0])/golden.safetensors")
        batch = try golden.batch()
        bundle = try AdapterBundle(contentsOf: folder, for: encoder)
        kind = parts[1]
    }

    func floats(_ name: String) throws -> [Float] { try golden.floats("\(kind).\(name)") }

    /// Whether no hidden state depends on a tensor.
    func isIdle(_ name: String) -> Bool { golden.names.contains("\(kind).idle.\(name)") }

    /// How many gradients there are to compare with.
    var gradientCount: Int { golden.names.filter { $0.hasPrefix("\(kind).gradient.") && $0.hasSuffix(".left") }.count }

    /// Hidden states, and the gradients of what trains, from the golden gradient at the hidden states.
    func run(
        demand: GradientDemand, trained: Set<Parameter>? = nil, adapters: AdapterSet? = nil
    ) throws -> (hidden: Matrix, gradients: Gradients) {
        let pass = Pass(parameters: bundle.parameters, demand: demand, trained: trained)
        let (hidden, pullback) = encoder.forward(batch, adapters: adapters ?? bundle.adapters, pass)
        var gradients = bundle.parameters.zeroed()
        _ = pullback(try golden.dy(), &gradients)
        return (hidden, gradients)
    }

    /// Each parameter with the name of its tensor in PEFT's model.
    var names: [(Parameter, String)] {
        let checkpoint = encoder.config.names
        let deltas = bundle.adapters.deltas.map { tensor, parameter in
            (parameter, peftName(checkpoint.name(of: tensor), isUnderAdapter: isUnderAdapter(tensor)))
        }
        let lora = bundle.adapters.sites.flatMap { site -> [(Parameter, String)] in
            guard let lora = self.lora(at: site) else { return [] }
            let module = "base_model.model." + checkpoint.module(of: site)
            return [(lora.a, module + ".lora_A.weight"), (lora.b, module + ".lora_B.weight")]
        }
        return deltas + lora
    }

    private func lora(at site: Site) -> LoRA? {
        let adapter = bundle.adapters.linear[site]
        return (adapter as? LoRA) ?? (adapter as? WeightDelta)?.inner as? LoRA ?? (adapter as? BiasDelta)?.inner
            as? LoRA
    }

    private func isUnderAdapter(_ tensor: FrozenTensor) -> Bool {
        switch tensor {
        case .weight(let site), .bias(let site): lora(at: site) != nil
        default: false
        }
    }

    private func peftName(_ name: String, isUnderAdapter: Bool) -> String {
        guard isUnderAdapter, let dot = name.lastIndex(of: ".") else { return "base_model.model." + name }
        return "base_model.model." + name[..<dot] + ".base_layer" + name[dot...]
    }

    /// G·u and v·G with the maker's directions.
    static func products(of gradient: Matrix) -> (right: [Float], left: [Float]) {
        func direction(_ index: Int) -> Double { (Double((37 * index + 11) % 64) - 31.5) / 32 }
        let rows = 0..<gradient.rows
        let columns = 0..<gradient.columns
        let right = rows.map { row in columns.reduce(0.0) { $0 + Double(gradient[row, $1]) * direction($1) } }
        let left = columns.map { column in rows.reduce(0.0) { $0 + Double(gradient[$1, column]) * direction($1) } }
        return (right.map { Float($0) }, left.map { Float($0) })
    }
}
