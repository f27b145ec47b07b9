/// Why adapters cannot be combined.
public enum CombiningError: Error, Sendable, Equatable {
    /// Combining takes an adapter.
    case nothingToCombine
    /// A part of an adapter computes something that is no change of the encoder's weights.
    case noChangeOfWeights(adapter: String, part: String)
    /// The method takes factors of low rank, which a part of an adapter does not have.
    case notOfLowRank(adapter: String, part: String, method: CombiningMethod)
    /// Nothing says what rank the combination should have.
    case rankNeeded(part: String)
    /// A setting that the method does not have.
    case unsuitable(setting: String, method: CombiningMethod)
    /// A change that is no finite number.
    case notFinite(part: String)
    /// Nothing is left: the changes cancel out.
    case nothingLeft
}

extension CombiningError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .nothingToCombine: "there is no adapter to combine; name at least one"
        case .noChangeOfWeights(let adapter, let part):
            "'\(part)' of \(adapter) is no change of the encoder's weights, so there is nothing to add it to;"
                + " only adapters that can be merged are combined"
        case .notOfLowRank(let adapter, let part, let method):
            "the change of \(part) by \(adapter) is of full rank, as DoRA's is, and \(method.rawValue) puts factors of low rank"
                + " together; use svd with a rank or an energy"
        case .rankNeeded(let part):
            "the changes of \(part) are of full rank, so nothing says what rank is wanted; give a rank, or the energy to keep"
        case .unsuitable(let setting, let method):
            "\(method.rawValue) has no \(setting); leave it out, or use another method"
        case .notFinite(let part): "the change of \(part) has numbers that are infinite or none; the adapter is broken"
        case .nothingLeft: "the adapters cancel out: nothing is left to put into an adapter"
        }
    }
}
