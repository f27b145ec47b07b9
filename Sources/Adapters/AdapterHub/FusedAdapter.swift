import Encoders
import Foundation

/// A trained adapter of bottlenecks that is part of a fusion, and is frozen there.
struct FusedAdapter: Sendable {
    /// What the fusion calls it.
    let name: String
    let bundle: AdapterBundle

    /// Reads the adapter's own folder.
    ///
    /// - Throws: ``AdapterError`` if it is wrong in itself, or holds no bottlenecks that can be fused.
    init(contentsOf folder: URL, for encoder: TransformerEncoder, allowingOtherBase: Bool = false) throws(AdapterError)
    {
        var bundle = try AdapterBundle(contentsOf: folder, for: encoder, allowingOtherBase: allowingOtherBase)
        let path = folder.path(percentEncoded: false)
        let own = bundle.configuration.adapterName ?? AdapterHubFiles.usualName
        // The library's names are keys of PyTorch modules, which have no dots, and a fusion's are parted by commas.
        let name = own == AdapterHubFiles.usualName ? folder.standardizedFileURL.lastPathComponent : own
        self.name = String(name.map { $0 == "." || $0 == "," ? "-" : $0 })
        guard bundle.configuration.method is any BottleneckMethod else {
            throw .notFusible(path, reason: "it has no bottlenecks")
        }
        guard bundle.adapters.blocks.values.allSatisfy({ ($0 as? Bottleneck)?.wiring.isParallel == false }) else {
            throw .notFusible(
                path, reason: "its bottlenecks are parallel, of which AdapterHub's library adds the residual twice")
        }
        bundle.configuration.adapterName = self.name
        self.bundle = bundle
    }

    /// The bottleneck behind a block.
    func bottleneck(at site: BlockSite) -> Bottleneck? { bundle.adapters.blocks[site] as? Bottleneck }

    /// Refuses adapters that a fusion cannot tell apart, or that stand at other places than the first.
    static func check(_ parts: [FusedAdapter]) throws(AdapterError) {
        guard let first = parts.first else { throw .nothingTargeted }
        for (index, part) in parts.enumerated() {
            guard !parts[..<index].contains(where: { $0.name == part.name }) else {
                throw .notFusible(part.name, reason: "two of the adapters are called so; rename the folder of one")
            }
            guard part.bundle.adapters.blockSites == first.bundle.adapters.blockSites else {
                throw .notFusible(part.name, reason: "its bottlenecks are not where those of '\(first.name)' are")
            }
        }
    }
}
