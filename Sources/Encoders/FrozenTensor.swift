import Matrices

/// A tensor of the frozen encoder that can be changed for one task. Tables of relative positions, and DeBERTa's maps of them,
/// are none: they stay frozen.
package enum FrozenTensor: Hashable, Sendable {
    case weight(Site), bias(Site)
    case normScale(NormSite), normShift(NormSite)
    case table(EmbeddingTable)
    case projectionWeight, projectionBias

    /// Whether it is stored as a vector.
    package var isVector: Bool {
        switch self {
        case .weight, .table, .projectionWeight: false
        case .bias, .normScale, .normShift, .projectionBias: true
        }
    }
}

extension EncoderConfig {
    /// The norms of this encoder that can be changed, from the bottom.
    package var normSites: [NormSite] {
        var sites: [NormSite] = names.embeddingNorm == nil ? [] : [.embeddings]
        for layer in 0..<distinctLayers {
            if !isPreNorm || layer > 0 || normsFirstLayer { sites.append(NormSite(layer: layer, place: .attention)) }
            sites.append(NormSite(layer: layer, place: .feedForward))
        }
        if names.finalNorm != nil { sites.append(NormSite(layer: distinctLayers - 1, place: .final)) }
        return sites
    }

    /// The tables of embeddings that this encoder has.
    package var embeddingTables: [EmbeddingTable] { EmbeddingTable.allCases.filter { extents(of: $0) != nil } }

    /// Rows and columns of a table; nil if this encoder has no such table.
    package func extents(of table: EmbeddingTable) -> (rows: Int, columns: Int)? {
        switch table {
        case .words: (vocabularySize, embeddingSize)
        case .positions:
            names.positionEmbeddings == nil ? nil : (firstPosition + maximumPositions, embeddingSize)
        case .segments: names.segmentEmbeddings == nil || segments == 0 ? nil : (segments, embeddingSize)
        }
    }

    /// Whether embeddings are projected to the width of the layers.
    package var projectsEmbeddings: Bool { names.embeddingProjection != nil }

    /// Whether a linear map has a bias.
    package func hasBias(_ projection: Projection) -> Bool {
        projection.order <= Projection.attentionOutput.order ? attentionHasBias : feedForwardHasBias
    }

    /// The tensors that can be changed, in no particular order.
    package var tensors: [FrozenTensor] {
        let sites = (0..<distinctLayers).flatMap { layer in projections.map { Site(layer: layer, projection: $0) } }
        var tensors = sites.map { FrozenTensor.weight($0) }
        tensors += sites.filter { hasBias($0.projection) }.map { .bias($0) }
        tensors += normSites.map { .normScale($0) }
        if normHasBias { tensors += normSites.map { .normShift($0) } }
        tensors += embeddingTables.map { .table($0) }
        if projectsEmbeddings { tensors += [.projectionWeight, .projectionBias] }
        return tensors
    }

    /// Rows and columns of a tensor of this encoder; a vector is one row.
    package func extents(of tensor: FrozenTensor) -> (rows: Int, columns: Int) {
        func extents(_ site: Site) -> (inputs: Int, outputs: Int) {
            guard let found = self.extents(of: site.projection) else {
                preconditionFailure("layers of this encoder have no map \(site.projection.rawValue)")
            }
            return found
        }
        switch tensor {
        case .weight(let site): return (extents(site).outputs, extents(site).inputs)
        case .bias(let site): return (1, extents(site).outputs)
        case .normScale(let site), .normShift(let site):
            return (1, site == .embeddings ? embeddingSize : hiddenSize)
        case .table(let table):
            guard let found = self.extents(of: table) else {
                preconditionFailure("this encoder has no table of \(table.rawValue)")
            }
            return found
        case .projectionWeight: return (hiddenSize, embeddingSize)
        case .projectionBias: return (1, hiddenSize)
        }
    }
}

extension CheckpointNames {
    /// What a tensor is called in the bare model.
    package func name(of tensor: FrozenTensor) -> String {
        func existing(_ name: String?) -> String {
            guard let name else { preconditionFailure("this encoder has no such tensor") }
            return name
        }
        switch tensor {
        case .weight(let site): return module(of: site) + ".weight"
        case .bias(let site): return module(of: site) + ".bias"
        case .normScale(let site): return module(of: site) + ".weight"
        case .normShift(let site): return module(of: site) + ".bias"
        case .table(.words): return wordEmbeddings
        case .table(.positions): return existing(positionEmbeddings)
        case .table(.segments): return existing(segmentEmbeddings)
        case .projectionWeight: return existing(embeddingProjection) + ".weight"
        case .projectionBias: return existing(embeddingProjection) + ".bias"
        }
    }

    /// Whether a tensor of the bare model is of relative positions, which cannot be changed.
    package func isOfRelativePositions(_ name: String) -> Bool {
        guard let relative = relativePositions else { return relativeBias == name }
        return relative.table == name || name.hasPrefix(relative.norm + ".")
            || [relative.key, relative.query].contains { name.contains(".\($0).") }
    }

    /// The module of a norm.
    package func module(of site: NormSite) -> String {
        let module =
            switch site.place {
            case .embeddings: embeddingNorm
            case .attention: site.layer.map { "\(layer($0)).\(attentionNorm)" }
            case .feedForward: site.layer.map { "\(layer($0)).\(outputNorm)" }
            case .final: finalNorm
            }
        guard let module else { preconditionFailure("this encoder has no norm \(site)") }
        return module
    }
}
