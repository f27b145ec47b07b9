import Encoders
import Matrices

/// A LoRA as other formats than PEFT's have it: pairs of matrices with a scale, no more.
struct LowRankParts: Sendable {
    /// y += scale · x Aᵀ Bᵀ at one linear map.
    struct Part: Sendable {
        let site: Site
        /// [rank, inputs]
        var a: Matrix
        /// [outputs, rank]
        var b: Matrix
        var scale: Float

        var rank: Int { a.rows }
    }

    /// In the order of the sites.
    var parts: [Part]

    /// The parts of a LoRA.
    ///
    /// - Throws: ``AdapterConversionError/notLowRank(part:found:format:)`` for anything that a folder has besides.
    init(_ bundle: AdapterBundle, for format: AdapterFormat) throws(AdapterConversionError) {
        let adapters = bundle.adapters
        if let site = adapters.normSites.first {
            throw .notLowRank(part: "\(site)", found: "a norm that was trained", format: format)
        }
        if adapters.embeddings != nil {
            throw .notLowRank(part: "embeddings", found: "embeddings that were trained", format: format)
        }
        guard adapters.hasOnlyMapsNormsAndTables, !adapters.isEmpty else {
            throw .notLowRank(part: "the adapter", found: bundle.configuration.method.summary, format: format)
        }
        parts = []
        for site in adapters.sites {
            guard let lora = adapters.linear[site] as? LoRA, lora.parameters == [lora.a, lora.b] else {
                throw .notLowRank(
                    part: "\(site)", found: bundle.configuration.method.summary + ", or a weight that was trained",
                    format: format)
            }
            parts.append(
                Part(site: site, a: bundle.parameters[lora.a], b: bundle.parameters[lora.b], scale: lora.scale))
        }
    }

    /// Parts that were read.
    init(_ parts: [Part]) { self.parts = parts.sorted { $0.site < $1.site } }

    /// The same with one scale in all parts: what a part's differs by goes into its B.
    func scaled(to scale: Float) -> LowRankParts {
        var changed = self
        for index in parts.indices where parts[index].scale != scale {
            let factor = parts[index].scale / scale
            let b = parts[index].b
            changed.parts[index].b = Matrix(rows: b.rows, columns: b.columns, values: b.values.map { $0 * factor })
            changed.parts[index].scale = scale
        }
        return changed
    }

    /// The same with one rank in all parts: the largest, others with zeros behind.
    func padded() -> LowRankParts {
        let rank = parts.map(\.rank).max() ?? 0
        var changed = self
        for index in parts.indices where parts[index].rank < rank {
            let (a, b) = (parts[index].a, parts[index].b)
            changed.parts[index].a = Matrix(
                rows: rank, columns: a.columns,
                values: a.values + [Float](repeating: 0, count: (rank - a.rows) * a.columns))
            changed.parts[index].b = Matrix(
                rows: b.rows, columns: rank,
                values: (0..<b.rows).flatMap { b.row($0) + [Float](repeating: 0, count: rank - b.columns) })
        }
        return changed
    }

    /// The scale that most parts have; of several such, the first.
    var usualScale: Float {
        let scales = parts.map(\.scale)
        return scales.max { left, right in
            scales.count { $0 == left } < scales.count { $0 == right }
        } ?? 1
    }

    /// The folder of PEFT's that is the same.
    func bundle(on encoder: TransformerEncoder, baseModel: String?) -> AdapterBundle {
        let usual = parts.first
        let method = LoRAMethod(rank: usual?.rank ?? 1, alpha: usual.map { LowRankParts.alpha(of: $0) } ?? 1)
        var linear: [Site: LoRA] = [:]
        for part in parts {
            linear[part.site] = LoRA(
                name: part.site.description, inputs: part.a.columns, outputs: part.b.rows, rank: part.rank,
                scale: LowRankParts.alpha(of: part) / Float(part.rank), dropoutRate: 0)
        }
        let adapters = AdapterSet(linear)
        var values = ParameterVector(adapters.parameters)
        for part in parts {
            guard let lora = linear[part.site] else { continue }
            (values[lora.a], values[lora.b]) = (part.a, part.b)
        }
        // Ranks, scales and places are said as the adapters have them.
        return AdapterBundle(AdapterRecipe(method), trained: values, adapters, on: encoder, baseModel: baseModel)
    }

    /// The alpha that gives the part's scale again, to the bit where there is one.
    private static func alpha(of part: Part) -> Float {
        let rank = Float(part.rank)
        let alpha = part.scale * rank
        return [alpha, alpha.nextUp, alpha.nextDown].first { $0 / rank == part.scale } ?? alpha
    }
}
