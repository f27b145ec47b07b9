/// Interventions in a subspace that orthonormal rows span (Wu et al. 2024): `loreft`.
public struct LoReftMethod: ReftMethod {
    /// "loreft"
    public static let name = "loreft"
    /// The library's own.
    public static let usual = ReftSettings.loreft
    /// For people.
    public static let title = "LoReFT"
    /// What it is.
    public var settings: ReftSettings

    /// The given settings.
    public init(settings: ReftSettings = LoReftMethod.usual) { self.settings = settings }
}
