import Matrices

extension TransformerEncoder {
    /// The frozen linear map at a site of this encoder.
    public subscript(site: Site) -> FrozenLinear { layers[firstLayer(with: site.layer)].maps[site.projection] }

    /// The map that projects embeddings to the width of the layers, where there is one.
    package var embeddingProjection: FrozenLinear? { embeddings.projection }

    /// The numbers of a tensor; a vector is one row.
    package func values(of tensor: FrozenTensor) -> Matrix {
        func row(_ values: [Float]) -> Matrix { Matrix(rows: 1, columns: values.count, values: values) }
        func existing<Value>(_ value: Value?) -> Value {
            guard let value else { preconditionFailure("this encoder has no such tensor") }
            return value
        }
        switch tensor {
        case .weight(let site): return self[site].weight
        case .bias(let site): return row(self[site].bias)
        case .normScale(let site): return row(norm(at: site).gamma)
        case .normShift(let site): return row(existing(norm(at: site).beta))
        case .table(.words): return embeddings.words.matrix
        case .table(.positions): return existing(embeddings.positions)
        case .table(.segments): return existing(embeddings.segments)
        case .projectionWeight: return existing(embeddings.projection).weight
        case .projectionBias: return row(existing(embeddings.projection).bias)
        }
    }

    /// The rows of the table of words that belong to some words.
    package func wordEmbeddings(of words: [Int32]) -> Matrix {
        var rows = Matrix(uninitializedRows: words.count, columns: embeddings.words.width)
        rows.withMutableView { rows in
            for (index, word) in words.enumerated() {
                embeddings.words.copyRow(Int(word), into: rows.base + index * rows.rowStride)
            }
        }
        return rows
    }

    /// The same encoder with some tensors replaced; all others are shared. Linear maps are packed again as they are now.
    package func replacing(_ tensors: [FrozenTensor: Matrix]) -> TransformerEncoder {
        var encoder = self
        var (sites, changesProjection): (Set<Site>, Bool) = ([], false)
        for (tensor, values) in tensors {
            switch tensor {
            case .weight(let site), .bias(let site): sites.insert(site)
            case .normScale(let site): encoder.replaceNorm(at: site) { $0.gamma = values.values }
            case .normShift(let site): encoder.replaceNorm(at: site) { $0.beta = values.values }
            case .table(.words): encoder.embeddings.words = .inMemory(values)
            case .table(.positions): encoder.embeddings.positions = values
            case .table(.segments): encoder.embeddings.segments = values
            case .projectionWeight, .projectionBias: changesProjection = true
            }
        }
        for site in sites {
            let map = FrozenLinear(self[site], weight: tensors[.weight(site)], bias: tensors[.bias(site)])
            for index in layers.indices where layers[index].maps.layer == site.layer {
                encoder.layers[index].maps.linear[site.projection] = map
            }
        }
        if changesProjection, let projection = embeddings.projection {
            encoder.embeddings.projection = FrozenLinear(
                projection, weight: tensors[.projectionWeight], bias: tensors[.projectionBias])
        }
        return encoder
    }

    private func norm(at site: NormSite) -> Norm {
        let norm =
            switch site.place {
            case .embeddings: embeddings.norm
            case .attention: layers[firstLayer(with: site.layer)].norms.attention
            case .feedForward: layers[firstLayer(with: site.layer)].norms.feedForward
            case .final: finalNorm
            }
        guard let norm else { preconditionFailure("the encoder has no norm \(site)") }
        return norm
    }

    private mutating func replaceNorm(at site: NormSite, _ change: (inout Norm) -> Void) {
        var norm = norm(at: site)
        change(&norm)
        switch site.place {
        case .embeddings: embeddings.norm = norm
        case .final: finalNorm = norm
        case .attention, .feedForward:
            for index in layers.indices where layers[index].maps.layer == site.layer {
                let norms = layers[index].norms
                layers[index].norms = norms.replacing(
                    attention: site.place == .attention ? norm : norms.attention,
                    feedForward: site.place == .feedForward ? norm : norms.feedForward)
            }
        }
    }

    private func firstLayer(with weights: Int?) -> Int {
        guard let index = layers.firstIndex(where: { $0.maps.layer == weights }) else {
            preconditionFailure("the encoder has no layer \(weights ?? -1)")
        }
        return index
    }
}

extension FrozenLinear {
    /// The map `other` with another weight, bias or both; nil: as there.
    fileprivate convenience init(_ other: FrozenLinear, weight: Matrix?, bias: Matrix?) {
        let bias = bias?.values ?? other.bias
        guard let weight else {
            self.init(other, bias: bias)
            return
        }
        self.init(bias: bias, precision: other.precision, inputFactors: other.inputFactors, source: { weight })
    }
}
