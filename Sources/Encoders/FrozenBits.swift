import Files
import Matrices

/// What tells whether some frozen numbers are still the same in memory, bit for bit.
package struct FrozenBits: Sendable, Equatable {
    /// The module that they are of, as checkpoints call it.
    package let name: String
    /// XXH64 of the bytes as they are held: those of a linear map as it is packed, and its bias.
    package let hashes: [UInt64]
}

extension TransformerEncoder {
    /// Of everything frozen that lies in this program's memory: linear maps, norms, and tables of positions and segments. The
    /// table of words does not: it is read from the mapped file, which cannot be written to. Tables of relative positions are left
    /// out.
    package var frozenBits: [FrozenBits] {
        let names = config.names
        var bits: [FrozenBits] = []
        func add(_ name: String?, _ hashes: [UInt64?]) {
            if let name { bits.append(FrozenBits(name: name, hashes: hashes.compactMap { $0 })) }
        }
        add(names.positionEmbeddings, [embeddings.positions?.bitHash])
        add(names.segmentEmbeddings, [embeddings.segments?.bitHash])
        add(names.embeddingNorm, embeddings.norm?.bitHashes ?? [])
        add(names.embeddingProjection, embeddings.projection?.bitHashes ?? [])
        var known: Set<Int> = []
        for layer in layers where known.insert(layer.maps.layer).inserted {
            let maps = layer.maps.linear.sorted { $0.key.order < $1.key.order }
            let hashes = Parallel.map(maps.count) { maps[$0].value.bitHashes }
            for ((projection, _), hashes) in zip(maps, hashes) {
                add(names.module(of: Site(layer: layer.maps.layer, projection: projection)), hashes)
            }
            let path = names.layer(layer.maps.layer)
            add("\(path).\(names.attentionNorm)", layer.norms.attention?.bitHashes ?? [])
            add("\(path).\(names.outputNorm)", layer.norms.feedForward.bitHashes)
        }
        add(names.finalNorm, finalNorm?.bitHashes ?? [])
        return bits
    }
}

extension Norm {
    fileprivate var bitHashes: [UInt64] { ([gamma] + (beta.map { [$0] } ?? [])).map(\.bitHash) }
}

extension FrozenLinear {
    fileprivate var bitHashes: [UInt64] { [withPackedBytes { XXHash64.hash($0) }, bias.bitHash] }
}

extension [Float] {
    fileprivate var bitHash: UInt64 { withUnsafeBytes { XXHash64.hash($0) } }
}

extension Matrix {
    fileprivate var bitHash: UInt64 { withBuffer { XXHash64.hash(UnsafeRawBufferPointer($0)) } }
}
