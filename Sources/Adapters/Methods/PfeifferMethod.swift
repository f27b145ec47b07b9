/// Bottlenecks behind the feed-forward block, on top of its norm (Pfeiffer et al. 2020): `seq_bn`.
public struct PfeifferMethod: BottleneckMethod {
    /// "pfeiffer"
    public static let name = "pfeiffer"
    /// The library's own.
    public static let usual = BottleneckSettings.pfeiffer
    /// For people.
    public static let title = "Pfeiffer bottlenecks"
    /// What it is.
    public var settings: BottleneckSettings

    /// The given settings.
    public init(settings: BottleneckSettings = PfeifferMethod.usual) { self.settings = settings }
}
