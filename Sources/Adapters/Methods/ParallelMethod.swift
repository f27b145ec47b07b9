/// Bottlenecks beside the feed-forward block (He et al. 2021): `par_bn`.
public struct ParallelMethod: BottleneckMethod {
    /// "parallel"
    public static let name = "parallel"
    /// The library's own.
    public static let usual = BottleneckSettings.parallel
    /// For people.
    public static let title = "parallel bottlenecks"
    /// What it is.
    public var settings: BottleneckSettings

    /// The given settings.
    public init(settings: BottleneckSettings = ParallelMethod.usual) { self.settings = settings }
}
