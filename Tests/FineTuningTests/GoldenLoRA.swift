import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport

/// The adapters that a fixture's PEFT configuration means, and PEFT's names of their parameters.
struct GoldenLoRA {
    let adapters: AdapterSet
    private let tensorNames: [Parameter: String]

    init(_ golden: GoldenFile, _ encoder: TransformerEncoder) throws {
        let folder = try TemporaryFolder()
        var settings = try golden.settings("configuration")
        settings["peft_type"] = "LORA"
        try JSONSerialization.data(withJSONObject: settings).write(to: folder.appending("adapter_config.json"))
        let configuration = try PEFTConfiguration(contentsOf: folder.url)
        adapters = try configuration.method.fresh(
            at: configuration.sites(on: encoder), on: encoder, seed: 0
        ).adapters
        var names: [Parameter: String] = [:]
        for site in adapters.sites {
            guard let lora = adapters.linear[site] as? LoRA else { continue }
            let module = "base_model.model." + encoder.config.names.module(of: site)
            names[lora.a] = module + ".lora_A.weight"
            names[lora.b] = module + ".lora_B.weight"
        }
        tensorNames = names
    }

    /// Each trained parameter with its name in the fixture.
    func names(of model: TaskModel) -> [(Parameter, String)] {
        model.parameters.map { ($0, tensorNames[$0] ?? $0.name) }
    }

    /// The values of all trained parameters, each read by its name.
    func values(of model: TaskModel, _ read: (String) throws -> Matrix) throws -> ParameterVector {
        var values = ParameterVector(model.parameters)
        for (parameter, name) in names(of: model) { values[parameter] = try read(name) }
        return values
    }
}
