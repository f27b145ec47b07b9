/// Bottlenecks of hypercomplex maps behind both blocks (Mahabadi et al. 2021): `compacter`.
public struct CompacterMethod: BottleneckMethod {
    /// "compacter"
    public static let name = "compacter"
    /// The library's own.
    public static let usual = BottleneckSettings.compacter
    /// For people.
    public static let title = "Compacter"
    /// What it is.
    public var settings: BottleneckSettings

    /// The given settings.
    public init(settings: BottleneckSettings = CompacterMethod.usual) { self.settings = settings }
}
