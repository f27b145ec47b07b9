import Adapters

/// Why a registry does not do what it was asked for.
public enum RegistryError: Error, Sendable {
    /// There is no adapter of this name; `nearest` is the most similar name that there is.
    case noSuchAdapter(String, loaded: [String])
    /// Another adapter has this name.
    case nameTaken(String)
    /// Sums of adapters are made of this one.
    case partOfSums(String, sums: [String])
    /// A weight that is no number to multiply with.
    case invalidWeight(Float, adapter: String)
    /// A sum of nothing.
    case emptySum(String)
    /// Sums are made of adapters, not of other sums.
    case sumOfSums(String, part: String)
    /// The adapter cannot work with a weight, or beside others.
    case adapter(AdapterError)
}

extension RegistryError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .noSuchAdapter(let name, let loaded):
            "there is no adapter '\(name)'; there is \(loaded.isEmpty ? "none" : loaded.joined(separator: ", "))"
        case .nameTaken(let name): "there is an adapter '\(name)' already; remove it first, or choose another name"
        case .partOfSums(let name, let sums):
            "the adapter '\(name)' is part of \(sums.joined(separator: ", ")); remove that first"
        case .invalidWeight(let weight, let adapter):
            "the weight of '\(adapter)' is \(weight), expected a finite number"
        case .emptySum(let name): "'\(name)' is to be a sum of no adapters; name at least one"
        case .sumOfSums(let name, let part):
            "'\(name)' is to be a sum of '\(part)', which is a sum itself; name the adapters that it is made of"
        case .adapter(let error): "\(error)"
        }
    }
}
