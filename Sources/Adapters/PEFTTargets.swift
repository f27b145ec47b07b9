import Encoders
import Foundation

/// Which linear maps `target_modules` and its companions mean: PEFT's rules of matching, on module names.
struct PEFTTargets {
    private let configuration: PEFTConfiguration
    private let file: String
    private let config: EncoderConfig
    private let names: CheckpointNames
    /// What the task model puts before the names of the bare model: "" or "bert.".
    private let prefix: String

    init(_ configuration: PEFTConfiguration, file: String, config: EncoderConfig, prefix: String) {
        (self.configuration, self.file, self.config, self.prefix) = (configuration, file, config, prefix)
        names = config.names
    }

    /// The sites of the encoder that are adapted, each with its rank and scale.
    ///
    /// - Throws: ``AdapterError`` for a target or pattern that matches nothing.
    func sites() throws(AdapterError) -> [Site: (rank: Int, scale: Float)] {
        let all = (0..<config.distinctLayers).flatMap { layer in
            config.projections.map { Site(layer: layer, projection: $0) }
        }
        var matched: [Site] = []
        switch configuration.targets {
        case .names(let targets):
            for target in targets {
                let sites = all.filter { PEFTTargets.names([target], match: module($0)) }
                // The pooler is a linear map too, though no pooling of Graft's goes through it.
                if sites.isEmpty, !PEFTTargets.names([target], match: prefix + "pooler.dense") {
                    throw matchesNothing(target)
                }
                matched += sites
            }
        case .pattern(let pattern):
            matched = try all.filter(matcher(configuration.targets, field: "target_modules"))
            if matched.isEmpty { throw matchesNothing(pattern) }
        case .allLinear: matched = all
        case .nothing: return [:]
        }
        // PEFT puts no adapter into a module that it saves whole.
        matched.removeAll { configuration.isSaved(module: module($0) + ".weight") }
        if let excluded = configuration.excluded {
            let isExcluded = try matcher(excluded, field: "exclude_modules")
            matched.removeAll(where: isExcluded)
        }
        if let layers = configuration.layers {
            for layer in layers where !(0..<config.distinctLayers).contains(layer) {
                throw .noSuchLayer(layer, layers: config.distinctLayers)
            }
            matched.removeAll { !layers.contains($0.layer) }
        }
        guard !matched.isEmpty || !configuration.modulesToSave.isEmpty else { throw .nothingTargeted }
        let ranks = try patterns(configuration.rankPattern, field: "rank_pattern", among: matched)
        let alphas = try patterns(configuration.alphaPattern, field: "alpha_pattern", among: matched)
        return Dictionary(
            matched.map { site in
                let (rank, alpha) = (ranks[site] ?? configuration.rank, alphas[site] ?? configuration.alpha)
                let divisor = configuration.isRankStabilized ? Float(rank).squareRoot() : Float(rank)
                return (site, (rank: rank, scale: alpha / divisor))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The value of the first pattern, in the order of the file, that matches a site's name or its ending after a dot.
    private func patterns<Value>(
        _ values: [String: Value], field: String, among sites: [Site]
    ) throws(AdapterError) -> [Site: Value] {
        var found: [Site: Value] = [:]
        // PEFT sorts keys when it writes and takes the first that matches when it reads.
        for (pattern, value) in values.sorted(by: { $0.key < $1.key }) {
            let regex = try regex("(.*\\.)?(\(pattern))", field: field)
            let matching = sites.filter { module($0).wholeMatch(of: regex) != nil }
            if matching.isEmpty { throw matchesNothing(pattern) }
            for site in matching where found[site] == nil { found[site] = value }
        }
        return found
    }

    /// Whether a module's whole name is in the list, or its ending after a dot.
    private static func names(_ names: [String], match module: String) -> Bool {
        names.contains { module == $0 || module.hasSuffix("." + $0) }
    }

    /// Whether `targets` mean a site.
    private func matcher(
        _ targets: PEFTConfiguration.Targets, field: String
    ) throws(AdapterError) -> (Site) -> Bool {
        switch targets {
        case .names(let names): return { PEFTTargets.names(names, match: module($0)) }
        case .pattern(let pattern):
            let regex = try regex(pattern, field: field)
            return { module($0).wholeMatch(of: regex) != nil }
        case .allLinear: return { _ in true }
        case .nothing: return { _ in false }
        }
    }

    private func module(_ site: Site) -> String { prefix + names.module(of: site) }

    private func regex(_ pattern: String, field: String) throws(AdapterError) -> Regex<AnyRegexOutput> {
        do { return try Regex(pattern) } catch {
            throw .invalidPattern(file: file, field: field, pattern: pattern)
        }
    }

    private func matchesNothing(_ target: String) -> AdapterError {
        .targetMatchesNothing(
            file: file, target: target, available: config.projections.map(names.module(of:)))
    }

    // MARK: Writing

    /// The `target_modules` that mean the recipe's projections and no others.
    ///
    /// The feed-forward's `output.dense` is also the ending of `attention.output.dense`; where only the former is adapted,
    /// it is named with its layer before it: `3.output.dense`.
    static func names(of recipe: AdapterRecipe, for config: EncoderConfig) -> [String] {
        let (names, projections) = (config.names, recipe.projections(for: config))
        return projections.flatMap { projection in
            let target = names.target(of: projection)
            let isAmbiguous = config.projections.contains {
                !projections.contains($0) && names.module(of: $0).hasSuffix("." + target)
            }
            guard isAmbiguous else { return [target] }
            return (recipe.layers ?? Array(0..<config.distinctLayers)).map { layer in
                // The layer's number is what its path ends in; some families have more behind it.
                let module = names.module(of: Site(layer: layer, projection: projection))
                return module.split(separator: ".").suffix(1 + target.split(separator: ".").count)
                    .joined(separator: ".")
            }
        }.sorted()
    }
}
