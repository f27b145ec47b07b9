import Encoders
import Files

/// Which modules names and patterns mean: PEFT's rules of matching, on the names that modules have.
package struct ModulePatterns {
    let config: EncoderConfig
    /// What a task model puts before the names of the bare model: "" or "bert.".
    private let prefix: String
    private let file: String

    /// `prefix` is what a task model puts before the names of the bare model: "" or "bert."; `file` is what errors call the
    /// configuration.
    package init(for config: EncoderConfig, prefix: String, file: String) {
        (self.config, self.prefix, self.file) = (config, prefix, file)
    }

    /// The name of a module.
    func name(_ module: AdaptedModule) -> String { prefix + config.names.module(of: module) }

    /// The name of a site's module.
    func module(_ site: Site) -> String { prefix + config.names.module(of: site) }

    /// The name of a norm's module.
    func module(_ site: NormSite) -> String { prefix + config.names.module(of: site) }

    /// Whether a module's whole name is `name`, or its ending after a dot.
    func matches(_ module: AdaptedModule, _ name: String) -> Bool { ModulePatterns.ends(self.name(module), in: name) }

    /// Whether `name` is all of a module's name, or its ending after a dot.
    static func ends(_ module: String, in name: String) -> Bool { module == name || module.hasSuffix("." + name) }

    /// Those whose whole name the pattern matches.
    ///
    /// - Throws: ``AdapterError`` for a pattern that is none.
    func matching(
        _ pattern: String, field: String, among modules: [AdaptedModule]
    ) throws(AdapterError) -> [AdaptedModule] {
        let regex = try regex(pattern, field: field)
        return modules.filter { name($0).wholeMatch(of: regex) != nil }
    }

    /// The value of the first pattern, in the order of the names, that matches a module or its ending after a dot.
    ///
    /// - Throws: ``AdapterError`` for a pattern that is none, or matches nothing.
    package func values<Value>(
        _ values: [String: Value], field: String, among modules: [AdaptedModule]
    ) throws(AdapterError) -> [AdaptedModule: Value] {
        var found: [AdaptedModule: Value] = [:]
        // PEFT sorts keys when it writes and takes the first that matches when it reads.
        for (pattern, value) in values.sorted(by: { $0.key < $1.key }) {
            let matching = try matching("(.*\\.)?(\(pattern))", field: field, among: modules)
            if matching.isEmpty { throw matchesNothing(pattern, among: modules) }
            for module in matching where found[module] == nil { found[module] = value }
        }
        return found
    }

    /// The same among linear maps of layers.
    package func values<Value>(
        _ values: [String: Value], field: String, among sites: [Site]
    ) throws(AdapterError) -> [Site: Value] {
        let found = try self.values(values, field: field, among: sites.map { AdaptedModule.linear($0) })
        return Dictionary(uniqueKeysWithValues: found.compactMap { module, value in module.site.map { ($0, value) } })
    }

    func regex(_ pattern: String, field: String) throws(AdapterError) -> Regex<AnyRegexOutput> {
        do { return try Regex(pattern) } catch {
            throw .invalidPattern(file: file, field: field, pattern: pattern)
        }
    }

    /// The error of a name or a pattern that means none of the modules, which `alsoKnown` are other names of.
    func matchesNothing(
        _ target: String, among modules: [AdaptedModule]? = nil, alsoKnown: [String] = []
    ) -> AdapterError {
        let names = config.names
        // Those of one layer stand for those of all.
        let all = (modules ?? config.adaptableModules).filter { ($0.site?.layer ?? 0) == 0 }
        let available = all.map { $0.site.map { names.module(of: $0.projection) } ?? names.module(of: $0) }
        let candidates = alsoKnown + available + available.compactMap(\.lastPart)
        return .targetMatchesNothing(
            file: file, target: target,
            available: alsoKnown + (available.isEmpty ? (modules ?? []).map(name) : available),
            nearest: NearestName.to(target, among: candidates))
    }
}

extension String {
    /// "query" of "attention.self.query"; nil where there is no dot.
    fileprivate var lastPart: String? { lastIndex(of: ".").map { String(self[index(after: $0)...]) } }
}
