import Encoders

/// The names of tensors in `adapter_model.safetensors`:
///
///     base_model.model.[bert.]encoder.layer.0.attention.self.query.lora_A.weight
///     └ always ───────┘└ task ┘└ module in the bare model ────────┘└ PEFT's ───┘
///
/// The task model's prefix is there only if the adapter was trained on a task model (`AutoModelForSequenceClassification`
/// and the like) and not on the bare one (`AutoModel`).
public struct PEFTNames: Sendable {
    /// Before all names.
    package static let always = "base_model.model."

    /// Before the names of a task model's head: methods that put nothing into modules leave out the module that would.
    static func beforeHead(of method: any AdapterMethod) -> String {
        type(of: method).wrapsModules ? always : "base_model."
    }

    private let names: CheckpointNames
    private let prefix: String

    init(_ names: CheckpointNames, prefix: String) { (self.names, self.prefix) = (names, prefix) }

    /// The prefix that the names of a file's tensors have: "" or "bert.".
    static func prefix(of tensors: [String], _ names: CheckpointNames) -> String {
        tensors.contains { $0.hasPrefix(always + names.taskPrefix) } ? names.taskPrefix : ""
    }

    /// The key of a tensor of the base that was trained; `isUnderAdapter`: of a map that PEFT has wrapped for an adapter.
    package func base(_ tensor: FrozenTensor, isUnderAdapter: Bool) -> String {
        let name = PEFTNames.always + prefix + names.name(of: tensor)
        guard isUnderAdapter, let dot = name.lastIndex(of: ".") else { return name }
        return name[..<dot] + ".base_layer" + name[dot...]
    }

    /// A module, as PEFT calls it.
    public func module(_ module: AdaptedModule) -> String { PEFTNames.always + prefix + names.module(of: module) }

    /// The module of a site's linear map, as PEFT calls it.
    public func module(_ site: Site) -> String { PEFTNames.always + prefix + names.module(of: site) }
}
