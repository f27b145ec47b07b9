/// How many modules an entry of a configuration or a recipe means: a target, a layer, a pattern.
public struct TargetMatch: Sendable, Equatable {
    /// The field that the entry stands in: "targets", "layers".
    public let field: String
    /// The entry.
    public let entry: String
    /// The modules that it matches. Of targets some may be left out again by other fields.
    public let modules: Int

    /// The given match.
    public init(field: String, entry: String, modules: Int) {
        (self.field, self.entry, self.modules) = (field, entry, modules)
    }
}
