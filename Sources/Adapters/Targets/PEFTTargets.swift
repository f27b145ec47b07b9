import Encoders
import Foundation

/// Which modules `target_modules` and its companions mean.
struct PEFTTargets {
    private let configuration: PEFTConfiguration
    private let config: EncoderConfig
    /// What the task model puts before the names of the bare model: "" or "bert.".
    private let prefix: String
    private let patterns: ModulePatterns

    init(_ configuration: PEFTConfiguration, file: String, config: EncoderConfig, prefix: String) {
        (self.configuration, self.config, self.prefix) = (configuration, config, prefix)
        patterns = ModulePatterns(for: config, prefix: prefix, file: file)
    }

    /// The modules of the encoder that are adapted, from the bottom up.
    ///
    /// - Throws: ``AdapterError`` for a target or pattern that matches nothing.
    func modules() throws(AdapterError) -> [AdaptedModule] {
        let all = config.adaptableModules
        var matched: [AdaptedModule] = []
        switch configuration.targets {
        case .names(let targets):
            for target in targets {
                let modules = all.filter { patterns.matches($0, target) }
                if modules.isEmpty, !isElsewhere(target) { throw patterns.matchesNothing(target) }
                matched += modules
            }
        case .pattern(let pattern):
            matched = try patterns.matching(pattern, field: "target_modules", among: all)
            if matched.isEmpty { throw patterns.matchesNothing(pattern) }
        case .allLinear: matched = all.filter { $0.table == nil }
        case .nothing: return []
        }
        // PEFT puts no adapter into a module that it saves whole.
        matched.removeAll { configuration.isSaved(module: patterns.name($0) + ".weight") }
        try removeExcluded(from: &matched)
        if let layers = configuration.layers {
            for layer in layers where !(0..<config.distinctLayers).contains(layer) {
                throw .noSuchLayer(layer, layers: config.distinctLayers)
            }
            let isInList = try isInLayerList()
            matched.removeAll { module in
                guard let site = module.site else { return true }
                return !layers.contains(site.layer) || !isInList(module)
            }
        }
        guard !matched.isEmpty || !configuration.modulesToSave.isEmpty || configuration.method.trainsElsewhere else {
            throw .nothingTargeted
        }
        return Set(matched).sorted()
    }

    /// How many of the modules each entry matches.
    func matches() throws(AdapterError) -> [TargetMatch] {
        let modules = try modules()
        var matches: [TargetMatch] = []
        func add(_ field: String, _ entry: String, _ count: Int) {
            matches.append(TargetMatch(field: field, entry: entry, modules: count))
        }
        if case .names(let names) = configuration.targets {
            for name in names { add("target_modules", name, modules.count { patterns.matches($0, name) }) }
        } else {
            for entry in configuration.targets.names { add("target_modules", entry, modules.count) }
        }
        for layer in configuration.layers ?? [] {
            add("layers_to_transform", "\(layer)", modules.count { $0.site?.layer == layer })
        }
        if let lora = configuration.method as? LoRAMethod {
            for (field, keys) in [
                ("rank_pattern", lora.rankPattern.keys.sorted()), ("alpha_pattern", lora.alphaPattern.keys.sorted()),
            ] {
                for key in keys {
                    add(field, key, try patterns.matching("(.*\\.)?(\(key))", field: field, among: modules).count)
                }
            }
        }
        return matches
    }

    private func removeExcluded(from matched: inout [AdaptedModule]) throws(AdapterError) {
        let excluded: [AdaptedModule]
        switch configuration.excluded {
        case nil, .nothing: return
        case .names(let names):
            excluded = matched.filter { module in names.contains { patterns.matches(module, $0) } }
        case .pattern(let pattern):
            excluded = try patterns.matching(pattern, field: "exclude_modules", among: matched)
        case .allLinear: excluded = matched
        }
        matched.removeAll { excluded.contains($0) }
    }

    /// Whether a module's layer is one of a list with a name of `layers_pattern`; where there is none, any is.
    private func isInLayerList() throws(AdapterError) -> (AdaptedModule) -> Bool {
        guard !configuration.layersPattern.isEmpty else { return { _ in true } }
        let lists = configuration.layersPattern.joined(separator: "|")
        let regex = try patterns.regex("(|.*?\\.)(\(lists))\\.[0-9]+\\..*", field: "layers_pattern")
        return { patterns.name($0).wholeMatch(of: regex) != nil }
    }

    /// What task models, and bare ones, have beside the encoder as Graft runs it.
    private static let elsewhere: Set<Substring> = [
        "pooler", "head", "classifier", "pre_classifier", "score", "qa_outputs", "lm_head", "decoder",
    ]

    /// Whether a target means a module of the model that is not of the encoder as Graft runs it: its pooler, what relative
    /// positions go through, or a head. What adapts it is said, or refused, when the tensors are read.
    private func isElsewhere(_ target: String) -> Bool {
        let own = target.hasPrefix(prefix) ? target.dropFirst(prefix.count) : target[...]
        return PEFTTargets.elsewhere.contains(own.prefix { $0 != "." })
            || ModulePatterns.ends(prefix + "pooler.dense", in: target)
            || configuration.isSaved(module: target + ".weight")
            || config.names.isOfRelativePositions("\(own).weight")
            || config.names.isOfRelativePositions("layer.\(own).weight")
    }

    // MARK: Writing

    /// The `target_modules` that mean these modules and no others, and `layers_to_transform` where the names do not say the
    /// layers.
    ///
    /// The feed-forward's `output.dense` is also the ending of `attention.output.dense`; where only the former is adapted,
    /// it is named with its layer before it: `3.output.dense`.
    static func names(
        of modules: [AdaptedModule], for config: EncoderConfig, hasLayers: Bool
    ) -> (names: [String], layers: [Int]?) {
        let names = config.names
        let sites = modules.compactMap(\.site)
        let layers = Dictionary(grouping: sites, by: \.projection).mapValues { $0.map(\.layer).sorted() }
        let all = Array(0..<config.distinctLayers)
        let areAlike = Set(layers.values).count == 1
        // Of all layers: the first of ALBERT's groups ends in its number by chance, as all others do.
        let endsInNumber = all.allSatisfy { names.layer($0).hasSuffix(".\($0)") }
        // Outside of layers nothing is adapted where a folder says layers.
        let common = areAlike && hasLayers && sites.count == modules.count ? layers.values.first : nil
        var targets = modules.filter { $0.site == nil }.map(names.module(of:))
        for (projection, own) in layers {
            let target = names.target(of: projection)
            let others = config.projections.filter { names.module(of: $0).hasSuffix("." + target) }
            let isAmbiguous = others.contains { layers[$0] != own }
            if !isAmbiguous, own == all || common != nil {
                targets.append(target)
                continue
            }
            targets += own.map { layer in
                let module = names.module(of: Site(layer: layer, projection: projection))
                // The layer's number is what its path ends in; some families have more behind it.
                let isShortEnough = own == all || endsInNumber
                let short = module.split(separator: ".").suffix(1 + target.split(separator: ".").count)
                return isShortEnough && short.first.flatMap({ Int($0) }) != nil ? short.joined(separator: ".") : module
            }
        }
        return (Set(targets).sorted(), common == all ? nil : common)
    }

    /// `layers_pattern`: the name of the list of layers, where PEFT does not find their numbers by itself, as it does not in
    /// paths that begin with the list.
    static func layersPattern(for config: EncoderConfig) -> [String] {
        let parts = config.names.layer(0).split(separator: ".")
        return parts.count > 1 && Int(parts[1]) != nil ? [String(parts[0])] : []
    }
}
