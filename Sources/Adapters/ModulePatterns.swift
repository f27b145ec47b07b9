import Encoders

/// Which linear maps patterns mean, by the names that their modules have: PEFT's rule for `rank_pattern` and its like.
package struct ModulePatterns {
    private let config: EncoderConfig
    private let prefix: String
    private let file: String

    /// `prefix` is what a task model puts before the names of the bare model: "" or "bert."; `file` is what errors call the
    /// configuration.
    package init(for config: EncoderConfig, prefix: String, file: String) {
        (self.config, self.prefix, self.file) = (config, prefix, file)
    }

    /// The name of a site's module.
    func module(_ site: Site) -> String { prefix + config.names.module(of: site) }

    /// The value of the first pattern, in the order of the names, that matches a site's module or its ending after a dot.
    ///
    /// - Throws: ``AdapterError`` for a pattern that is none, or matches nothing.
    package func values<Value>(
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

    func regex(_ pattern: String, field: String) throws(AdapterError) -> Regex<AnyRegexOutput> {
        do { return try Regex(pattern) } catch {
            throw .invalidPattern(file: file, field: field, pattern: pattern)
        }
    }

    func matchesNothing(_ target: String) -> AdapterError {
        .targetMatchesNothing(
            file: file, target: target, available: config.projections.map(config.names.module(of:)))
    }
}
