import Graft

extension ValueKind where Value == AdapterRecipe.Targets {
    /// Modules of the encoder: all of a kind, by name, or by a pattern.
    package static var adapterTargets: ValueKind {
        ValueKind(
            valueName: "NAMES",
            expected: "all-linear, names with commas between them, each once, or a regular expression",
            read: { AdapterRecipe.Targets($0) }, write: { $0.text })
    }
}
