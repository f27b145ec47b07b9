/// Which layers several tasks have in common: as far up as their adapters do the same, a text's states are computed once.
package struct LayerSharing: Sendable {
    /// What one task makes of the encoder.
    package typealias Branch = (adapters: AdapterSet, pass: Pass)

    /// For each branch, the embeddings and then each layer that runs: a number that branches share where they do the same there.
    private let kinds: [[Int]]

    /// Compares branches on `encoder`.
    package init(_ branches: [Branch], on encoder: TransformerEncoder) {
        let places = [nil] + encoder.layers.map { Optional($0.maps.layer) }
        let levels = branches.map { LayerSharing.levels(of: $0.adapters) }
        let isComparable = branches.map { !$0.adapters.hasVirtualTokens }
        var kinds = branches.map { _ in [Int](repeating: 0, count: places.count) }
        for (depth, place) in places.enumerated() {
            for index in branches.indices {
                let like = (0..<index).first { other in
                    isComparable[index] && isComparable[other]
                        && LayerSharing.areSame(
                            levels[index][place], branches[index].pass, levels[other][place], branches[other].pass)
                }
                kinds[index][depth] = like ?? index
            }
        }
        self.kinds = kinds
    }

    /// What one branch changes in a layer, or in the embeddings.
    private struct Level {
        /// Where an adapter is.
        enum Place: Hashable {
            case map(Projection)
            case block(BlockSite.Block)
            case result
            case table(EmbeddingTable)
            case embeddingProjection
        }

        var adapters: [Place: (adapter: any Sendable, parameters: [Parameter])] = [:]
        var norms: [NormSite: NormDelta] = [:]
        var tables: [EmbeddingTable: Parameter] = [:]
    }

    /// What adapters change, by layer; nil: the embeddings.
    private static func levels(of adapters: AdapterSet) -> [Int?: Level] {
        var levels = [Int?: Level]()
        for (site, adapter) in adapters.linear {
            levels[site.layer, default: Level()].adapters[.map(site.projection)] = (adapter, adapter.parameters)
        }
        for (site, adapter) in adapters.blocks {
            levels[site.layer, default: Level()].adapters[.block(site.block)] = (adapter, adapter.parameters)
        }
        for (layer, adapter) in adapters.outputs {
            levels[layer, default: Level()].adapters[.result] = (adapter, adapter.parameters)
        }
        for (site, norm) in adapters.norms { levels[site.layer, default: Level()].norms[site] = norm }
        if let embeddings = adapters.embeddings {
            var level = levels[nil] ?? Level()
            level.tables = embeddings.tables
            for (table, adapter) in embeddings.adapters {
                level.adapters[.table(table)] = (adapter, adapter.parameters)
            }
            if let adapter = embeddings.projection {
                level.adapters[.embeddingProjection] = (adapter, adapter.parameters)
            }
            levels[nil] = level
        }
        return levels
    }

    /// The place from `depth` on, counted from the bottom (0: the embeddings), up to which all of some branches do the same.
    package func common(to branches: [Int], from depth: Int) -> Int {
        guard let first = branches.first else { return depth }
        var end = depth
        while end < kinds[first].count, branches.allSatisfy({ kinds[$0][end] == kinds[first][end] }) { end += 1 }
        return end
    }

    /// Branches that do the same everywhere, each such group in the order of its first.
    package func strands(of branches: [Int]) -> [[Int]] {
        var strands: [[Int]] = []
        for branch in branches {
            if let index = strands.firstIndex(where: { kinds[$0[0]] == kinds[branch] }) {
                strands[index].append(branch)
            } else {
                strands.append([branch])
            }
        }
        return strands
    }

    /// Branches by what they do at a place, in their order.
    func groups(of branches: [Int], at depth: Int) -> [[Int]] {
        var groups: [(kind: Int, members: [Int])] = []
        for branch in branches {
            let kind = kinds[branch][depth]
            if let index = groups.firstIndex(where: { $0.kind == kind }) {
                groups[index].members.append(branch)
            } else {
                groups.append((kind, [branch]))
            }
        }
        return groups.map(\.members)
    }

    // MARK: Comparing

    /// Whether two branches do the same in a layer, or in the embeddings; nil: nothing.
    private static func areSame(_ left: Level?, _ leftPass: Pass, _ right: Level?, _ rightPass: Pass) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        guard left.norms == right.norms, left.tables == right.tables, left.adapters.count == right.adapters.count
        else { return false }
        let areAdaptersEqual = left.adapters.allSatisfy { place, own in
            right.adapters[place].map { areEqual(own.adapter, $0.adapter) } ?? false
        }
        let parameters =
            left.norms.values.flatMap(\.parameters) + left.tables.values + left.adapters.values.flatMap(\.parameters)
        return areAdaptersEqual && haveSameValues(parameters, leftPass, rightPass)
    }

    private static func haveSameValues(_ parameters: [Parameter], _ left: Pass, _ right: Pass) -> Bool {
        parameters.allSatisfy { parameter in
            let (leftRange, rightRange) = (
                left.parameters.layout.range(of: parameter), right.parameters.layout.range(of: parameter)
            )
            return left.parameters.values[leftRange] == right.parameters.values[rightRange]
        }
    }
}

extension LinearAdapter {
    /// Whether another adapter is this one but for its values. Of those that are not `Equatable` nobody knows: they are not.
    package func isEqual(to other: any LinearAdapter) -> Bool { areEqual(self, other) }
}

/// Whether two adapters are one but for their values. Of those that are not `Equatable` nobody knows: they are not.
private func areEqual(_ left: any Sendable, _ right: any Sendable) -> Bool {
    func isEqual<Value: Equatable>(_ own: Value) -> Bool { (right as? Value) == own }
    guard let own = left as? any Equatable else { return false }
    return isEqual(own)
}
