import Encoders
import Files

/// What LoHa and LoKr are told: rank, scale and dropout, and patterns for modules that have another rank or scale.
public struct UpdateSettings: Sendable, Equatable {
    /// `r`
    public var rank: Int
    /// Numerator of the scale alpha / rank: `alpha`.
    public var alpha: Float
    /// `rank_dropout` and `module_dropout`
    public var dropout: UpdateDropout
    /// `rank_pattern`: the rank of the modules that a pattern matches.
    public var rankPattern: [String: Int] = [:]
    /// `alpha_pattern`: the alpha of the modules that a pattern matches.
    public var alphaPattern: [String: Float] = [:]

    /// PEFT's, unless said otherwise.
    public init(rank: Int = 8, alpha: Float = 8, dropout: UpdateDropout = UpdateDropout()) {
        (self.rank, self.alpha, self.dropout) = (rank, alpha, dropout)
    }

    init(_ settings: MethodSettings) throws(AdapterError) {
        self.init(
            rank: try settings.integer("rank", default: 8, in: 1...4096),
            alpha: try settings.positive("alpha", default: 8),
            dropout: UpdateDropout(
                rate: try settings.number("dropout", default: 0, in: 0...0.99),
                moduleRate: try settings.number("module_dropout", default: 0, in: 0...0.99)))
    }

    static let fieldNames: Set<String> = [
        "r", "alpha", "rank_dropout", "module_dropout", "init_weights", "rank_pattern", "alpha_pattern",
    ]

    init(_ fields: JSONFields) throws(AdapterError) {
        do {
            self.init(
                rank: try fields.positive("r", default: 8),
                alpha: try fields.number("alpha", default: 8, in: -1e9...1e9),
                dropout: UpdateDropout(
                    rate: try fields.number("rank_dropout", default: 0, in: 0...0.99),
                    moduleRate: try fields.number("module_dropout", default: 0, in: 0...0.99)))
            rankPattern = try fields.numbers("rank_pattern").mapValues { Int($0) }
            alphaPattern = try fields.numbers("alpha_pattern").mapValues { Float($0) }
        } catch { throw .configuration(error) }
    }

    func fields() -> [String: Any] {
        [
            "alpha": PEFTConfiguration.plain(alpha), "alpha_pattern": alphaPattern.mapValues(PEFTConfiguration.plain),
            "init_weights": true, "module_dropout": PEFTConfiguration.plain(dropout.moduleRate), "r": rank,
            "rank_dropout": PEFTConfiguration.plain(dropout.rate), "rank_pattern": rankPattern,
        ]
    }

    /// The adapter of each site, from its name, inputs, outputs, rank and scale.
    func map<Adapter>(
        _ sites: [Site], _ patterns: ModulePatterns, on config: EncoderConfig,
        _ adapter: (_ name: String, _ inputs: Int, _ outputs: Int, _ rank: Int, _ scale: Float) -> Adapter
    ) throws(AdapterError) -> [Site: Adapter] {
        let ranks = try patterns.values(rankPattern, field: "rank_pattern", among: sites)
        let alphas = try patterns.values(alphaPattern, field: "alpha_pattern", among: sites)
        var linear: [Site: Adapter] = [:]
        for site in sites {
            guard let (inputs, outputs) = config.extents(of: site.projection) else { continue }
            let rank = ranks[site] ?? rank
            linear[site] = adapter(
                site.description, inputs, outputs, rank, (alphas[site] ?? alpha) / Float(rank))
        }
        return linear
    }
}
