import Matrices

extension TransformerEncoder {
    /// The hidden states of one batch for several tasks, in their order: what the tasks have in common is computed once, each from
    /// where it begins to differ. Inference alone; bit for bit what each task computes by itself.
    ///
    /// - Parameter sharing: of all `branches`; `chosen` are those that are wanted.
    package func hiddenStates(
        _ batch: PackedBatch, _ branches: [LayerSharing.Branch], _ sharing: LayerSharing, chosen: [Int]
    ) -> [Matrix] {
        var flows: [Flow] = []
        for group in sharing.groups(of: chosen, at: 0) {
            let leader = branches[group[0]]
            let x = embeddings.forward(batch, leader.adapters, leader.pass).x
            flows += advance(Flow(batch: batch, states: x, strands: [group]), from: 0, branches, sharing)
        }
        return chosen.map { branch in
            for flow in flows {
                if let index = flow.strands.firstIndex(where: { $0.contains(branch) }) {
                    let rows = batch.tokens.count
                    return flow.states.rows(index * rows..<(index + 1) * rows)
                }
            }
            preconditionFailure("each branch comes to an end")
        }
    }

    /// States on their way up: those of the texts once for each strand, one strand's rows after the other's.
    private struct Flow {
        /// The texts, as often as there are strands.
        var batch: PackedBatch
        var states: Matrix
        /// The branches that each strand is of.
        var strands: [[Int]]
    }

    /// Takes a flow from a layer to the end. Where strands part, their rows go on side by side, as a mixed batch, if their adapters
    /// allow that, and otherwise each by itself.
    private func advance(
        _ flow: Flow, from layer: Int, _ branches: [LayerSharing.Branch], _ sharing: LayerSharing
    ) -> [Flow] {
        // The place of a layer is one above its index: the embeddings are the first.
        let end = flow.strands.map { sharing.common(to: $0, from: layer + 1) - 1 }.min() ?? layers.count
        let leaders = flow.strands.map { branches[$0[0]] }
        let adapters: AdapterSet
        let pass: Pass
        if leaders.count == 1 {
            (adapters, pass) = leaders[0]
        } else {
            let rows = flow.batch.tokens.count / leaders.count
            adapters = mixing(leaders.enumerated().map { ($0 * rows..<($0 + 1) * rows, $1.adapters, $1.pass) })
            pass = Pass(parameters: ParameterVector([]))
        }
        var flow = flow
        flow.states = run(flow.states, layers[layer..<end], flow.batch, adapters, pass).hidden
        guard end < layers.count else { return [flow] }
        let groups = flow.strands.map { sharing.groups(of: $0, at: end + 1) }
        let rows = flow.states.rows / groups.count
        if groups.joined().allSatisfy({ mixes(branches[$0[0]].adapters) }) {
            var wider = Flow(
                batch: PackedBatch(),
                states: Matrix(
                    uninitializedRows: rows * groups.reduce(0) { $0 + $1.count }, columns: flow.states.columns),
                strands: Array(groups.joined()))
            var place = 0
            wider.states.withMutableView { states in
                flow.states.withView { old in
                    for (strand, parts) in groups.enumerated() {
                        for _ in parts {
                            states.rows(place * rows..<(place + 1) * rows).copy(
                                old.rows(strand * rows..<(strand + 1) * rows))
                            place += 1
                        }
                    }
                }
            }
            wider.batch = flow.batch.repeated(place, of: groups.count)
            return advance(wider, from: end, branches, sharing)
        }
        return groups.enumerated().flatMap { strand, parts in
            parts.flatMap { members in
                advance(
                    Flow(
                        batch: flow.batch.repeated(1, of: groups.count),
                        states: flow.states.rows(strand * rows..<(strand + 1) * rows), strands: [members]),
                    from: end, branches, sharing)
            }
        }
    }
}

extension PackedBatch {
    /// The first `1 / whole` of the texts, `count` times.
    fileprivate func repeated(_ count: Int, of whole: Int) -> PackedBatch {
        var batch = PackedBatch()
        for _ in 0..<count {
            for text in sequences.prefix(sequences.count / whole) {
                batch.append(tokens: Array(tokens[text]), segments: Array(segments[text]))
            }
        }
        return batch
    }
}
