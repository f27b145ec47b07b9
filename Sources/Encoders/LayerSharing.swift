/// Which layers several tasks have in common: as far up as their adapters do the same, a text's states are computed once.
package struct LayerSharing: Sendable {
    /// What one task makes of the encoder.
    package typealias Branch = (adapters: AdapterSet, pass: Pass)

    /// For each branch, the embeddings and then each layer that runs: a number that branches share where they do the same there.
    private let kinds: [[Int]]

    /// Compares branches on `encoder`.
    package init(_ branches: [Branch], on encoder: TransformerEncoder) {
        let places = [nil] + encoder.layers.map { Optional($0.maps.layer) }
        let levels = branches.map { branch in
            var levels = [Int?: Level]()
            for (site, adapter) in branch.adapters.linear {
                levels[site.layer, default: Level()].linear[site.projection] = adapter
            }
            for (site, norm) in branch.adapters.norms { levels[site.layer, default: Level()].norms[site] = norm }
            if let embeddings = branch.adapters.embeddings { levels[nil, default: Level()].embeddings = embeddings }
            return levels
        }
        let isComparable = branches.map(\.adapters.hasOnlyMapsNormsAndTables)
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
        var linear: [Projection: any LinearAdapter] = [:]
        var norms: [NormSite: NormDelta] = [:]
        var embeddings: EmbeddingDelta?
    }

    /// The place from `depth` on, counted from the bottom (0: the embeddings), up to which all of some branches do the same.
    func common(to branches: [Int], from depth: Int) -> Int {
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
        guard left.linear.count == right.linear.count, left.norms == right.norms,
            left.embeddings?.tables == right.embeddings?.tables
        else { return false }
        let (ofTables, others) = (left.embeddings?.adapters ?? [:], right.embeddings?.adapters ?? [:])
        let areTablesSame =
            ofTables.count == others.count
            && ofTables.allSatisfy { table, adapter in others[table].map(adapter.isEqual) ?? false }
        guard areTablesSame else { return false }
        let parameters =
            left.norms.values.flatMap(\.parameters) + (left.embeddings?.tables.values.map { $0 } ?? [])
            + ofTables.values.flatMap(\.parameters)
        return left.linear.allSatisfy { areSame($0.value, leftPass, right.linear[$0.key], rightPass) }
            && haveSameValues(parameters, leftPass, rightPass)
            && areSame(left.embeddings?.projection, leftPass, right.embeddings?.projection, rightPass)
    }

    /// Whether two adapters are the same, values included. Of those that cannot be compared nobody knows.
    private static func areSame(
        _ left: (any LinearAdapter)?, _ leftPass: Pass, _ right: (any LinearAdapter)?, _ rightPass: Pass
    ) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return left.isEqual(to: right) && haveSameValues(left.parameters, leftPass, rightPass)
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

extension TableAdapter {
    /// Whether another adapter is this one but for its values. Of those that are not `Equatable` nobody knows: they are not.
    func isEqual(to other: any TableAdapter) -> Bool {
        func isEqual<Value: Equatable>(_ own: Value) -> Bool { (other as? Value) == own }
        guard let own = self as? any Equatable else { return false }
        return isEqual(own)
    }
}

extension LinearAdapter {
    /// Whether another adapter is this one but for its values. Of those that are not `Equatable` nobody knows: they are not.
    package func isEqual(to other: any LinearAdapter) -> Bool {
        func isEqual<Value: Equatable>(_ own: Value) -> Bool { (other as? Value) == own }
        guard let own = self as? any Equatable else { return false }
        return isEqual(own)
    }
}
