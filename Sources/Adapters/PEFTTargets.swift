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
    private let patterns: ModulePatterns

    init(_ configuration: PEFTConfiguration, file: String, config: EncoderConfig, prefix: String) {
        (self.configuration, self.file, self.config, self.prefix) = (configuration, file, config, prefix)
        names = config.names
        patterns = ModulePatterns(for: config, prefix: prefix, file: file)
    }

    /// The sites of the encoder that are adapted.
    ///
    /// - Throws: ``AdapterError`` for a target or pattern that matches nothing.
    func sites() throws(AdapterError) -> [Site] {
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
                    throw patterns.matchesNothing(target)
                }
                matched += sites
            }
        case .pattern(let pattern):
            matched = try all.filter(matcher(configuration.targets, field: "target_modules"))
            if matched.isEmpty { throw patterns.matchesNothing(pattern) }
        case .allLinear: matched = all
        case .nothing: return []
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
        return Set(matched).sorted()
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
            let regex = try patterns.regex(pattern, field: field)
            return { module($0).wholeMatch(of: regex) != nil }
        case .allLinear: return { _ in true }
        case .nothing: return { _ in false }
        }
    }

    private func module(_ site: Site) -> String { patterns.module(site) }

    // MARK: Writing

    /// The `target_modules` that mean the recipe's projections and no others.
    ///
    /// The feed-forward's `output.dense` is also the ending of `attention.output.dense`; where only the former is adapted,
    /// it is named with its layer before it: `3.output.dense`.
    static func names(of recipe: AdapterRecipe, for config: EncoderConfig) -> [String] {
        let (names, projections) = (config.names, recipe.projections(for: config))
        // Where a method has no field for layers, the names say them.
        let namesLayers = recipe.layers != nil && !type(of: recipe.method).sharedFields.contains(.layers)
        return projections.flatMap { projection in
            let target = names.target(of: projection)
            let isAmbiguous = config.projections.contains {
                !projections.contains($0) && names.module(of: $0).hasSuffix("." + target)
            }
            guard isAmbiguous || namesLayers else { return [target] }
            return (recipe.layers ?? Array(0..<config.distinctLayers)).map { layer in
                // The layer's number is what its path ends in; some families have more behind it.
                let module = names.module(of: Site(layer: layer, projection: projection))
                return module.split(separator: ".").suffix(1 + target.split(separator: ".").count)
                    .joined(separator: ".")
            }
        }.sorted()
    }
}
