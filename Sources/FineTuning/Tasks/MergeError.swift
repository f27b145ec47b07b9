/// Why a merged folder was not written.
public enum MergeError: Error, Sendable {
    /// The merged folder does not do what base and adapter do.
    case differs(Merge.Certificate)
    /// The folder to write is the one that is merged into.
    case replacesBase(folder: String)
    /// Several of the tasks have a head, and a folder has one.
    case severalHeads([String])
    /// A weight that is no number to multiply with.
    case invalidWeight(Float, task: String)
    /// The adapter changes nothing in the layers that are to be merged.
    case nothingInLayers([Int])
    /// The adapter changes nothing outside of these layers, so that nothing is left for an adapter.
    case nothingOutsideLayers([Int])
}

extension MergeError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .differs(let certificate):
            "merged and adapted outputs differ by \(max(certificate.embeddingDifference, certificate.probabilityDifference ?? 0)),"
                + " more than the tolerance of \(certificate.tolerance); nothing was written;"
                + " merge to a wider --type, or accept more with --tolerance"
        case .severalHeads(let names):
            "\(names.joined(separator: ", ")) have a head each, and a model folder has one; choose with --head"
        case .invalidWeight(let weight, let task): "the weight of '\(task)' is \(weight), expected a finite number"
        case .nothingInLayers(let layers):
            "the adapter changes nothing in the layers \(layers.map(String.init).joined(separator: ", "))"
        case .nothingOutsideLayers(let layers):
            "all that the adapter changes is in the layers \(layers.map(String.init).joined(separator: ", ")), so that nothing is"
                + " left for an adapter; leave out --layers and --rest"
        case .replacesBase(let folder):
            "\(folder) is the base model itself, which other adapters still need; choose another folder"
        }
    }
}
