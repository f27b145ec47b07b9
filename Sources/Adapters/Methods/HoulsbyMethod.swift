/// Bottlenecks behind both blocks of a layer (Houlsby et al. 2019): `double_seq_bn`.
public struct HoulsbyMethod: BottleneckMethod {
    /// "houlsby"
    public static let name = "houlsby"
    /// The library's own.
    public static let usual = BottleneckSettings.houlsby
    /// For people.
    public static let title = "Houlsby bottlenecks"
    /// What it is.
    public var settings: BottleneckSettings

    /// The given settings.
    public init(settings: BottleneckSettings = HoulsbyMethod.usual) { self.settings = settings }
}
