import Encoders
import Matrices

/// A LoRA or DoRA as formats have it that keep nothing else: pairs of matrices with a scale, and with the lengths of rows.
struct LowRankParts: Sendable {
    /// y += scale · x Aᵀ Bᵀ at one linear map; with lengths as ``DoRA`` has it.
    struct Part: Sendable {
        let site: Site
        /// [rank, inputs]
        var a: Matrix
        /// [outputs, rank]
        var b: Matrix
        var scale: Float
        /// m [1, outputs], where the lengths of the rows were trained.
        var magnitude: Matrix?

        var rank: Int { a.rows }
    }

    /// In the order of the sites.
    var parts: [Part]
    /// The share of the input that training drops, the largest of all maps.
    var dropoutRate: Float = 0
    /// Whether the lengths of the rows were trained (DoRA).
    var hasMagnitudes: Bool { parts.contains { $0.magnitude != nil } }

    /// The parts of an adapter.
    ///
    /// - Throws: ``AdapterConversionError/notLowRank(part:found:format:)`` for anything that a folder has besides.
    init(_ bundle: AdapterBundle, for format: AdapterFormat) throws(AdapterConversionError) {
        do { try bundle.requireOneMethod(for: format.title) } catch { throw .adapter(error) }
        let adapters = bundle.adapters
        func refuse(_ part: String, _ found: String) -> AdapterConversionError {
            .notLowRank(part: part, found: found, format: format)
        }
        if let site = adapters.normSites.first { throw refuse("\(site)", "a norm that was trained") }
        if adapters.embeddings != nil { throw refuse("embeddings", "embeddings that were trained") }
        guard adapters.hasOnlyMapsNormsAndTables, !adapters.isEmpty else {
            throw .notOfLinearMaps(found: bundle.configuration.method.summary, format: format)
        }
        parts = []
        for site in adapters.sites {
            let adapter = adapters.linear[site]
            guard !(adapter is WeightDelta) else { throw refuse("\(site)", "a weight that was trained whole") }
            guard !(adapter is BiasDelta) else { throw refuse("\(site)", "a map whose own bias was trained") }
            guard let lora = (adapter as? LoRA) ?? (adapter as? DoRA)?.lora else {
                throw refuse("\(site)", bundle.configuration.method.summary)
            }
            guard lora.bias == nil else { throw refuse("\(site)", "LoRA with a bias behind B") }
            let magnitude = (adapter as? DoRA)?.magnitude
            guard magnitude == nil || format == .mlx else {
                throw refuse("\(site)", bundle.configuration.method.summary)
            }
            dropoutRate = max(dropoutRate, lora.dropoutRate)
            parts.append(
                Part(
                    site: site, a: bundle.parameters[lora.a], b: bundle.parameters[lora.b], scale: lora.scale,
                    magnitude: magnitude.map { bundle.parameters[$0] }))
        }
        if hasMagnitudes, let part = parts.first(where: { $0.magnitude == nil }) {
            throw refuse("\(part.site)", "LoRA beside maps with DoRA")
        }
    }

    /// Parts that were read.
    init(_ parts: [Part], dropoutRate: Float = 0) {
        (self.parts, self.dropoutRate) = (parts.sorted { $0.site < $1.site }, dropoutRate)
    }

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

    /// The scale that most parts have; of several such, the first. Never zero, since others are multiples of it.
    var usualScale: Float {
        let scales = parts.map(\.scale).filter { $0 != 0 }
        return scales.max { left, right in
            scales.count { $0 == left } < scales.count { $0 == right }
        } ?? 1
    }

    /// The folder of PEFT's that is the same.
    func bundle(on encoder: TransformerEncoder, baseModel: String?) -> AdapterBundle {
        let usual = parts.first
        var method = LoRAMethod(
            rank: usual?.rank ?? 1, alpha: usual.map { LowRankParts.alpha(of: $0) } ?? 1, dropoutRate: dropoutRate)
        method.trainsLengths = hasMagnitudes
        var linear: [Site: any LinearAdapter] = [:]
        var values: [(parameter: Parameter, value: Matrix)] = []
        for part in parts {
            let lora = LoRA(
                name: part.site.description, inputs: part.a.columns, outputs: part.b.rows, rank: part.rank,
                scale: LowRankParts.alpha(of: part) / Float(part.rank), dropoutRate: dropoutRate)
            values += [(lora.a, part.a), (lora.b, part.b)]
            guard let magnitude = part.magnitude else { linear[part.site] = lora; continue }
            let dora = DoRA(name: part.site.description, over: lora)
            values.append((dora.magnitude, magnitude))
            linear[part.site] = dora
        }
        let adapters = AdapterSet(linear)
        var vector = ParameterVector(adapters.parameters)
        for (parameter, value) in values { vector[parameter] = value }
        // Ranks, scales and places are said as the adapters have them.
        return AdapterBundle(AdapterRecipe(method), trained: vector, adapters, on: encoder, baseModel: baseModel)
    }

    /// The alpha that gives the part's scale again, to the bit where there is one.
    private static func alpha(of part: Part) -> Float {
        let rank = Float(part.rank)
        let alpha = part.scale * rank
        return [alpha, alpha.nextUp, alpha.nextDown].first { $0 / rank == part.scale } ?? alpha
    }
}
