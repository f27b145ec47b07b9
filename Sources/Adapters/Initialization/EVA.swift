import Encoders
import Foundation
import Matrices

/// Explained Variance Adaptation (Paischer et al. 2024): LoRA's A starts at the leading principal components of what each map reads
/// in texts of the task, and maps whose leading ones explain more get more of the ranks.
///
/// As PEFT's, step for step: components come batch after batch, a map is done once they no longer turn, and ranks go to the
/// components with the largest shares of variance among all maps, up to `rho` times the rank each. Where PEFT takes a random
/// approximation of each decomposition, this computes it.
public struct EVA: Sendable {
    /// The largest rank of a map, as a multiple of the one that it is asked for.
    public var rho: Double
    /// The cosine between a component before and after a batch from which on it counts as found.
    public var tau: Double
    /// Whether components are divided by the root of their singular value.
    public var whitens: Bool

    /// PEFT's settings, unless said otherwise.
    public init(rho: Double = 2, tau: Double = 0.99, whitens: Bool = false) {
        precondition(rho >= 1, "rho is a multiple of the rank")
        precondition(0...1 ~= tau, "tau is a cosine")
        (self.rho, self.tau, self.whitens) = (rho, tau, whitens)
    }

    /// What the maps start from.
    public struct Start: Sendable {
        /// A of each map [its rank, inputs]; a map without is not adapted.
        public let components: [Site: Matrix]
        /// The maps whose components still turned when the texts came to their end.
        public let unsettled: [Site]
        /// Batches that were read.
        public let batches: Int
    }

    /// The starts of maps, from the first batches that are enough.
    ///
    /// - Parameter ranks: of the maps before they are given out anew.
    /// - Throws: ``AdapterError/cannotStart(_:site:reason:)`` if no batch has as many tokens as a map needs components.
    public func start(
        of ranks: [Site: Int], on encoder: TransformerEncoder, reading batches: some Sequence<PackedBatch>
    ) throws(AdapterError) -> Start {
        precondition(!ranks.isEmpty && ranks.values.allSatisfy { $0 > 0 }, "there are maps to start, each with a rank")
        let sites = ranks.keys.sorted()
        let budget = ranks.values.reduce(0, +)
        let most = sites.map { site in
            min(Int((Double(ranks[site] ?? 0) * rho).rounded(.toNearestOrEven)), encoder[site].inputs)
        }
        let probes = sites.map { _ in InputProbe() }
        let adapters = AdapterSet(Dictionary(uniqueKeysWithValues: zip(sites, probes)))
        /// The first of the maps that read the same, by their place.
        var leaders: [Int] = []
        var found: [Int: IncrementalComponents] = [:]
        var settled: [Int: [Bool]] = [:]
        var isDone: Set<Int> = []
        var given = most
        var count = 0
        for batch in batches {
            _ = encoder.forward(batch, adapters: adapters, Pass(parameters: ParameterVector([])))
            let inputs = probes.map { $0.take() }
            if leaders.isEmpty {
                leaders = inputs.indices.map { index in inputs.firstIndex { $0 == inputs[index] } ?? index }
                for leader in Set(leaders) { found[leader] = IncrementalComponents(count: most[leader]) }
            }
            // Maps that were done may be so no longer once they get more ranks.
            isDone = Set(found.keys.filter { isSettled($0, settled, given, leaders) })
            if isDone.count == found.count { break }
            count += 1
            let open = found.keys.filter { !isDone.contains($0) && inputs[$0].rows >= most[$0] }.sorted()
            let updated = Parallel.map(open.count) { index -> (IncrementalComponents, [Bool]) in
                let place = open[index]
                guard var components = found[place] else { preconditionFailure("a leader has components") }
                let before = components.components
                components.add(inputs[place])
                return (components, turned(before, components.components))
            }
            for (place, (components, isSettled)) in zip(open, updated) {
                (found[place], settled[place]) = (components, isSettled)
            }
            if found.values.allSatisfy({ $0.components != nil }) {
                given = distribution(budget, most, leaders, found)
            }
        }
        for (index, site) in sites.enumerated() where found[leaders.isEmpty ? index : leaders[index]]?.components == nil
        {
            throw .cannotStart(
                LoRAInitialization.eva.rawValue, site: site.description,
                reason:
                    "no batch of texts has \(most[index]) tokens, one for each component; give longer ones, or a lower rank"
            )
        }
        var starts: [Site: Matrix] = [:]
        for (index, site) in sites.enumerated() where given[index] > 0 {
            guard let components = found[leaders[index]], let all = components.components else { continue }
            var own = all.rows(upTo: given[index])
            if whitens {
                own = own.multiplyingRows(
                    by: components.values.prefix(given[index]).map { $0 > 0 ? 1 / $0.squareRoot() : 0 })
            }
            starts[site] = own.rounded
        }
        let unsettled = sites.indices.filter { !isSettled(leaders[$0], settled, given, leaders) }
        return Start(components: starts, unsettled: unsettled.map { sites[$0] }, batches: count)
    }

    /// Whether all components that a leader's map is to get have been found.
    private func isSettled(_ leader: Int, _ settled: [Int: [Bool]], _ ranks: [Int], _ leaders: [Int]) -> Bool {
        settled[leader]?.prefix(ranks[leader]).allSatisfy { $0 } ?? false
    }

    /// For each component whether it points where it did.
    private func turned(_ before: DoubleMatrix?, _ now: DoubleMatrix?) -> [Bool] {
        guard let now else { return [] }
        guard let before else { return [Bool](repeating: false, count: now.rows) }
        return (0..<now.rows).map { row in
            let cosine = (0..<now.columns).reduce(0.0) { $0 + before[row, $1] * now[row, $1] }
            return cosine >= tau
        }
    }

    /// The rank of each map: the budget goes to the components with the largest shares.
    private func distribution(
        _ budget: Int, _ most: [Int], _ leaders: [Int], _ found: [Int: IncrementalComponents]
    ) -> [Int] {
        var candidates: [(share: Double, place: Int)] = []
        for place in most.indices {
            for share in (found[leaders[place]]?.shares ?? []).prefix(most[place]) { candidates.append((share, place)) }
        }
        let order = candidates.indices.sorted {
            candidates[$0].share != candidates[$1].share ? candidates[$0].share > candidates[$1].share : $0 < $1
        }
        var ranks = [Int](repeating: 0, count: most.count)
        for index in order.prefix(budget) { ranks[candidates[index].place] += 1 }
        // The leader, whose components are looked at, has the largest rank of those that read the same.
        for place in most.indices where leaders[place] != place && ranks[leaders[place]] < ranks[place] {
            ranks.swapAt(place, leaders[place])
        }
        return ranks
    }
}
