/// NoReFT that takes nothing away (Wu et al. 2024): `direft`.
public struct DiReftMethod: ReftMethod {
    /// "direft"
    public static let name = "direft"
    /// The library's own.
    public static let usual = ReftSettings.direft
    /// For people.
    public static let title = "DiReFT"
    /// What it is.
    public var settings: ReftSettings

    /// The given settings.
    public init(settings: ReftSettings = DiReftMethod.usual) { self.settings = settings }
}
