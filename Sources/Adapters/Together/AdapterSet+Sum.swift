import Encoders
import Matrices

extension AdapterSet {
    /// One of several sets of adapters that work at once.
    package struct Term: Sendable {
        /// What it is called where it is refused.
        package let name: String
        package let adapters: AdapterSet
        /// Their values.
        package let pass: Pass
        /// What its changes are multiplied by.
        package let weight: Float

        package init(name: String, adapters: AdapterSet, pass: Pass, weight: Float) {
            (self.name, self.adapters, self.pass, self.weight) = (name, adapters, pass, weight)
        }
    }

    /// The changes of several sets at once, each times its weight: of what a linear map gives, and of the numbers of norms and tables.
    /// For inference. A single set at weight 1 is itself; sets at weight 0 have no part.
    ///
    /// - Throws: ``AdapterError/notAdded(adapter:reason:)`` for one whose changes cannot be added to others or multiplied.
    package static func sum(
        _ terms: [Term]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let terms = terms.filter { $0.weight != 0 && !$0.adapters.isEmpty }
        if terms.count == 1, terms[0].weight == 1 { return (terms[0].adapters, terms[0].pass.parameters) }
        for term in terms where !term.adapters.hasOnlyMapsNormsAndTables {
            throw .notAdded(
                adapter: term.name,
                reason:
                    "it is more than changes of linear maps, norms and tables: what it does depends on what is below it"
            )
        }
        try refuseBothOnTables(terms)
        var linear: [Site: [AdapterSum.Term]] = [:]
        var rows: [EmbeddingTable: [TableSum.Term]] = [:]
        var projection: [AdapterSum.Term] = []
        var norms: [NormSite: NormDelta] = [:]
        var tables: [EmbeddingTable: Parameter] = [:]
        var sums: [Parameter: Matrix] = [:]
        func add(_ parameter: Parameter?, _ term: Term) -> Parameter? {
            guard let parameter else { return nil }
            let handle = Parameter(name: parameter.name, rows: parameter.rows, columns: parameter.columns)
            sums[handle, default: Matrix(rows: handle.rows, columns: handle.columns)]
                .add(term.pass.parameters[parameter], scale: term.weight)
            return handle
        }
        for term in terms {
            for (site, adapter) in term.adapters.linear {
                linear[site, default: []].append(.init(adapter: adapter, weight: term.weight, pass: term.pass))
            }
            for (site, delta) in term.adapters.norms {
                let (scale, shift) = (add(delta.scale, term), add(delta.shift, term))
                norms[site] = NormDelta(scale: scale ?? norms[site]?.scale, shift: shift ?? norms[site]?.shift)
            }
            for (table, parameter) in term.adapters.embeddings?.tables ?? [:] { tables[table] = add(parameter, term) }
            for (table, adapter) in term.adapters.embeddings?.adapters ?? [:] {
                rows[table, default: []].append(.init(adapter: adapter, weight: term.weight, pass: term.pass))
            }
            if let adapter = term.adapters.embeddings?.projection {
                projection.append(.init(adapter: adapter, weight: term.weight, pass: term.pass))
            }
        }
        let hasEmbeddings = !tables.isEmpty || !projection.isEmpty || !rows.isEmpty
        let adapters = AdapterSet(
            linear.mapValues(adapter(of:)), norms: norms,
            embeddings: hasEmbeddings
                ? EmbeddingDelta(
                    tables: tables, projection: projection.isEmpty ? nil : adapter(of: projection),
                    adapters: rows.mapValues(TableSum.init(terms:))) : nil)
        var parameters = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters { parameters[parameter] = sums[parameter] ?? parameters[parameter] }
        return (adapters, parameters)
    }

    /// A table whose numbers one task changed is another for the others' adapters of it than the one that they were trained on.
    private static func refuseBothOnTables(_ terms: [Term]) throws(AdapterError) {
        let unfrozen = Set(terms.flatMap { ($0.adapters.embeddings?.tables ?? [:]).keys })
        for term in terms {
            guard let table = term.adapters.embeddings?.adapters.keys.filter(unfrozen.contains).first else { continue }
            throw .notAdded(
                adapter: term.name,
                reason: "it adapts the table of \(table.rawValue), whose own numbers are changed beside it")
        }
    }

    private static func adapter(of terms: [AdapterSum.Term]) -> any LinearAdapter {
        let sum = AdapterSum(terms: terms)
        return AdditiveSum(sum) ?? sum
    }
}
