import Encoders

/// The names of tensors in AdapterHub's `adapter.safetensors`:
///
///     bert.encoder.layer.0.output.adapters.sentiment.adapter_down.0.weight
///     └ task model ┘      └ block┘          └ name ┘  └ of the adapter ──┘
public struct AdapterHubNames: Sendable {
    private let config: EncoderConfig
    /// What the names of the encoder's modules have before them: "" or that of a task model.
    let prefix: String
    /// What the adapter is called.
    let adapter: String

    init(_ config: EncoderConfig, prefix: String, adapter: String) {
        (self.config, self.prefix, self.adapter) = (config, prefix, adapter)
    }

    /// The prefix that the names of a file's tensors have.
    static func prefix(of tensors: [String], _ config: EncoderConfig) -> String {
        tensors.contains { $0.hasPrefix(config.names.taskPrefix) } ? config.names.taskPrefix : ""
    }

    /// The module that has the adapters of a block.
    private func module(_ site: BlockSite) -> String { prefix + config.names.adapterHubModule(of: site) }

    /// What the tensors of a block's bottleneck begin with.
    func bottleneck(_ site: BlockSite) -> String { "\(module(site)).adapters.\(adapter)." }

    /// What the tensors of a block's fusion begin with.
    func fusion(_ site: BlockSite) -> String { "\(module(site)).adapter_fusion_layer.\(adapter)." }

    /// What the tensors of the intervention behind a layer begin with.
    func reft(_ layer: Int) -> String { "\(prefix)\(config.names.layer(layer)).reft_layer.refts.\(adapter)." }

    /// What the tensors of a linear map's LoRA begin with.
    func lora(_ site: Site) -> String { "\(prefix)\(config.names.module(of: site)).loras.\(adapter)." }

    /// What tensors that bottlenecks share begin with.
    var shared: String { "\(prefix)shared_parameters.\(adapter)." }

    /// The tensor of a bottleneck's parameter.
    func tensor(_ parameter: Parameter, at site: BlockSite) -> String {
        if parameter.name.hasPrefix(BottleneckSettings.shared) {
            return shared + parameter.name.dropFirst(BottleneckSettings.shared.count)
        }
        return bottleneck(site) + parameter.name.dropFirst("\(site).".count)
    }

    /// The tensor of a fusion's parameter.
    func fusion(_ parameter: Parameter, at site: BlockSite) -> String {
        fusion(site) + parameter.name.dropFirst("\(site).fusion.".count)
    }

    /// The tensor of an intervention's parameter, or of the constant that is called so.
    func tensor(_ name: String, behind layer: Int) -> String {
        reft(layer) + name.dropFirst("layer.\(layer).reft.".count)
    }
}
