/// LoReFT whose rows need not be orthonormal (Wu et al. 2024): `noreft`.
public struct NoReftMethod: ReftMethod {
    /// "noreft"
    public static let name = "noreft"
    /// The library's own.
    public static let usual = ReftSettings.noreft
    /// For people.
    public static let title = "NoReFT"
    /// What it is.
    public var settings: ReftSettings

    /// The given settings.
    public init(settings: ReftSettings = NoReftMethod.usual) { self.settings = settings }
}
