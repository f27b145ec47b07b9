import Encoders
import Files

extension AdapterRecipe {
    /// Where a recipe's adapters go on an encoder.
    public struct Places: Sendable {
        /// The modules, from the bottom up.
        public internal(set) var modules: [AdaptedModule] = []
        /// Those of each part.
        public internal(set) var parts: [[AdaptedModule]] = []
        /// How many modules each entry of the recipe matches: targets, layers, exclusions, part by part.
        public internal(set) var matches: [TargetMatch] = []
    }

    /// Where the adapters go on an encoder.
    ///
    /// A linear map, and the block that ends with it, are two places: parts with methods of either kind may name the same module.
    ///
    /// - Throws: ``AdapterError`` where a target matches nothing, a layer or a linear map does not exist, a module is in several
    ///   parts, or nothing is targeted.
    public func places(on config: EncoderConfig) throws(AdapterError) -> Places {
        var places = Places()
        guard !parts.isEmpty else {
            places.modules = try modules(targets, layers, on: config, "", &places.matches)
            return places
        }
        var taken: [ObjectIdentifier?: Set<AdaptedModule>] = [:]
        for (index, part) in parts.enumerated() {
            let recipe = alone(part)
            let own = try recipe.modules(
                recipe.targets, recipe.layers, on: config, "parts[\(index)].", &places.matches)
            let method = type(of: recipe.method)
            // Whether other methods of blocks and layers are on one place is told when their adapters are there.
            let kind = method is any AdapterHubMethod.Type ? ObjectIdentifier(method) : nil
            if let twice = own.first(where: { taken[kind]?.contains($0) ?? false }) {
                throw .inSeveralParts(module: twice.name)
            }
            taken[kind, default: []].formUnion(own)
            places.parts.append(own)
        }
        let methods = parts.map { type(of: $0.method ?? method) }.filter { !$0.hasTargets }
        for (index, method) in methods.enumerated() where methods[..<index].contains(where: { $0 == method }) {
            throw .methodInSeveralParts(method: method.name)
        }
        places.modules = Set(places.parts.flatMap { $0 }).sorted()
        return places
    }

    /// A part as a recipe of its own.
    private func alone(_ part: Part) -> AdapterRecipe {
        var recipe = AdapterRecipe(part.method ?? method)
        if type(of: recipe.method).hasTargets {
            (recipe.targets, recipe.layers, recipe.excluded) = (targets, layers, excluded)
        }
        recipe.targets = part.targets ?? recipe.targets
        recipe.layers = part.layers ?? recipe.layers
        return recipe
    }

    /// The modules of one part, whose entries have `path` before their field's name.
    private func modules(
        _ targets: Targets, _ layers: [Int]?, on config: EncoderConfig, _ path: String, _ matches: inout [TargetMatch]
    ) throws(AdapterError) -> [AdaptedModule] {
        let existing = 0..<config.distinctLayers
        for layer in layers ?? [] where !existing.contains(layer) {
            throw .noSuchLayer(layer, layers: existing.count)
        }
        let method = type(of: self.method)
        let hasTargets = method.hasTargets
        if !hasTargets, let field = choosing(targets, layers) {
            throw .notOfMethod(
                "is on no modules that can be chosen, so '\(field)' says nothing; leave it out", method: method.name)
        }
        let all = config.adaptableModules.filter { method.adaptsEmbeddings || $0.site != nil }
        var found: Set<AdaptedModule> = []
        for (entry, modules) in try entries(of: targets, field: "targets", on: config, among: all) {
            matches.append(TargetMatch(field: path + "targets", entry: entry, modules: modules.count))
            found.formUnion(modules)
        }
        if let excluded {
            for (entry, modules) in try entries(of: excluded, field: "exclude", on: config, among: all) {
                matches.append(
                    TargetMatch(field: path + "exclude", entry: entry, modules: found.intersection(modules).count))
                found.subtract(modules)
            }
        }
        if let layers {
            // A table is in no layer: it is meant where it is named, and not where all of something is.
            found = found.filter { module in
                module.site.map { layers.contains($0.layer) } ?? (module.table != nil && targets.areNames)
            }
            for layer in layers {
                let count = found.count { $0.site?.layer == layer }
                matches.append(TargetMatch(field: path + "layers", entry: "\(layer)", modules: count))
            }
        }
        guard !found.isEmpty || !hasTargets || self.method.trainsElsewhere else { throw .nothingTargeted }
        return found.sorted()
    }

    /// What of a recipe chooses modules; nil: nothing.
    private func choosing(_ targets: Targets, _ layers: [Int]?) -> String? {
        targets != .usual ? "targets" : excluded != nil ? "exclude" : layers != nil ? "layers" : nil
    }

    /// Each entry with the modules that it matches.
    private func entries(
        of targets: Targets, field: String, on config: EncoderConfig, among all: [AdaptedModule]
    ) throws(AdapterError) -> [(entry: String, modules: [AdaptedModule])] {
        let patterns = ModulePatterns(for: config, prefix: "", file: "the recipe")
        switch targets {
        case .usual:
            let usual = method.usualTargets(for: config)
            return usual.map { projection in
                (projection.rawValue, all.filter { $0.site?.projection == projection })
            }
        case .allLinear: return [("all-linear", all.filter { $0.table == nil })]
        case .pattern(let pattern):
            let modules = try patterns.matching(pattern, field: field, among: all)
            if modules.isEmpty { throw patterns.matchesNothing(pattern, among: all) }
            return [(pattern, modules)]
        case .names(let names):
            var entries: [(entry: String, modules: [AdaptedModule])] = []
            for name in names { entries.append((name, try modules(named: name, patterns, among: all))) }
            return entries
        }
    }

    /// The modules that a name means: Graft's of a linear map or a table first.
    private func modules(
        named name: String, _ patterns: ModulePatterns, among all: [AdaptedModule]
    ) throws(AdapterError) -> [AdaptedModule] {
        let config = patterns.config
        let own = all.filter { $0.site?.projection.rawValue == name || $0.table?.rawValue == name || $0.name == name }
        if !own.isEmpty { return own }
        let named = all.filter { patterns.matches($0, name) }
        if !named.isEmpty { return named }
        if let projection = Projection(rawValue: name) {
            throw .noSuchProjection(projection, family: config.family.modelType, available: config.projections)
        }
        let tables = type(of: method).adaptsEmbeddings ? config.embeddingTables.map(\.rawValue) : []
        throw patterns.matchesNothing(name, among: all, alsoKnown: config.projections.map(\.rawValue) + tables)
    }
}

extension AdapterRecipe.Targets {
    /// As people write them in one text: `all-linear`; names with commas between them; or, with a sign that no name has, a
    /// regular expression. Nil where nothing is said, or a name twice.
    public init?(_ text: String) {
        if text == "all-linear" {
            self = .allLinear
        } else if text.contains(where: "\\*+?()[]|^${}".contains) {
            self = .pattern(text)
        } else {
            let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard !names.contains(""), Set(names).count == names.count else { return nil }
            self = .names(names)
        }
    }

    /// Whether they are modules by their names.
    fileprivate var areNames: Bool { if case .names = self { true } else { false } }

    /// In one text, as people write them.
    public var text: String {
        switch self {
        case .usual: "the usual ones"
        case .allLinear: "all-linear"
        case .names(let names): names.joined(separator: ",")
        case .pattern(let pattern): pattern
        }
    }
}
