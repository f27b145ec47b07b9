import Encoders

extension AdapterSet {
    /// Adapters of several methods at once, each on places of its own.
    ///
    /// - Precondition: no place is in two parts (``firstOverlap(of:)``).
    static func union(of parts: [MethodPart], on config: EncoderConfig) -> AdapterSet {
        var linear: [Site: any LinearAdapter] = [:]
        var tables: [EmbeddingTable: any TableAdapter] = [:]
        var projection: (any LinearAdapter)?
        var blocks: [BlockSite: any BlockAdapter] = [:]
        var outputs: [Int: any LayerAdapter] = [:]
        for adapters in parts.map(\.adapters) {
            for (site, adapter) in adapters.linear { linear[site] = adapter.ofMethod ?? linear[site] }
            tables.merge(adapters.embeddings?.adapters ?? [:]) { own, _ in own }
            projection = adapters.embeddings?.projection?.ofMethod ?? projection
            blocks.merge(adapters.blocks) { own, _ in own }
            outputs.merge(adapters.outputs) { own, _ in own }
        }
        let hasEmbeddings = !tables.isEmpty || projection != nil
        // What changes tensors of the base may do so below the adapter of another part.
        var union = AdapterSet(
            linear,
            embeddings: hasEmbeddings
                ? EmbeddingDelta(tables: [:], projection: projection, adapters: tables) : nil,
            blocks: blocks, outputs: outputs
        ).changing(Set(parts.flatMap(\.adapters.deltas.keys)), of: config)
        for adapters in parts.map(\.adapters) {
            if !adapters.prefixes.isEmpty { union.prefixes = adapters.prefixes }
            union.prompt = adapters.prompt ?? union.prompt
            union.methodChanges.formUnion(adapters.methodChanges)
        }
        union.parts = parts
        return union
    }

    /// A place that two of these have something on, or a parameter that both would train; nil if there is none.
    static func firstOverlap(of parts: [AdapterSet]) -> String? {
        var taken: Set<String> = []
        for places in parts.map(\.takenPlaces) {
            if let twice = places.filter(taken.contains).min() { return twice }
            taken.formUnion(places)
        }
        return nil
    }

    private var takenPlaces: Set<String> {
        var places = Set(adaptedModules.map(\.name) + parameters.map(\.name))
        places.formUnion((embeddings?.adapters.keys.map { $0 } ?? []).map { AdaptedModule.table($0).name })
        places.formUnion(blockSites.map { "\($0)" })
        places.formUnion(outputs.keys.map { "layer.\($0)" })
        if !prefixes.isEmpty { places.insert("the prefix before every text") }
        if prompt != nil { places.insert("the prompt before every text") }
        return places
    }

    /// The adapters of each part, and with one of them what is unfrozen besides: with one that is filed as PEFT does, if there is.
    func split(of config: EncoderConfig) -> [AdapterSet] {
        let own = Set(parts.flatMap(\.adapters.deltas.keys))
        let besides = Set(deltas.keys).subtracting(own)
        var sets = parts.map(\.adapters)
        if !besides.isEmpty, let place = parts.indices.first(where: { sets[$0].isOfPEFT }) {
            sets[place] = sets[place].changing(besides, of: config)
        }
        return sets
    }

    /// Whether all of it has a place in PEFT's files: it is not around blocks or behind layers.
    private var isOfPEFT: Bool { blocks.isEmpty && outputs.isEmpty }

    /// Whether there is a place in its files for what is unfrozen beside it.
    var hasRoomForUnfrozen: Bool { parts.isEmpty ? isOfPEFT : parts.contains { $0.adapters.isOfPEFT } }
}

extension LinearAdapter {
    /// The adapter itself, or that under what is unfrozen of its map besides; nil where there is none.
    fileprivate var ofMethod: (any LinearAdapter)? {
        if let delta = self as? WeightDelta { return delta.inner?.ofMethod }
        if let delta = self as? BiasDelta, !delta.isOfAdapter { return delta.inner?.ofMethod }
        return self
    }
}
