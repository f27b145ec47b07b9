/// Bottlenecks of hypercomplex maps behind the feed-forward block (Mahabadi et al. 2021): `compacter++`.
public struct CompacterPlusPlusMethod: BottleneckMethod {
    /// "compacter++"
    public static let name = "compacter++"
    /// The library's own.
    public static let usual = BottleneckSettings.compacterPlusPlus
    /// For people.
    public static let title = "Compacter++"
    /// What it is.
    public var settings: BottleneckSettings

    /// The given settings.
    public init(settings: BottleneckSettings = CompacterPlusPlusMethod.usual) { self.settings = settings }
}
