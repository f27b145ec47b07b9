import Encoders
import Matrices

/// The changes that several adapters make to one frozen linear map, each times a weight:
///
///     y = base(x) + Σ wᵢ (adapterᵢ(x) − base(x))
///
/// Each adapter has values of its own, so that nothing here trains.
struct AdapterSum: MergeableAdapter {
    /// One of the adapters.
    struct Term: Sendable {
        let adapter: any LinearAdapter
        let weight: Float
        /// Its values.
        let pass: Pass
    }

    let terms: [Term]
    /// None.
    var parameters: [Parameter] { [] }

    func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        precondition(pass.demand == .nothing && pass.dropout == nil, "a sum of adapters is for inference")
        let (frozen, _) = base.forward(x, pass)
        var y = frozen
        for term in terms {
            var change = term.adapter.forward(x, through: base, term.pass).y
            change.add(frozen, scale: -1)
            y.add(change, scale: term.weight)
        }
        return (y, { _, _, _ in })
    }

    /// W + Σ wᵢ ΔWᵢ
    func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        let frozen = base.weight
        var weight = frozen
        for term in terms {
            guard let adapter = term.adapter as? any MergeableAdapter else {
                preconditionFailure("what cannot be merged is refused before")
            }
            var change = adapter.merged(into: base, term.pass.parameters)
            change.add(frozen, scale: -1)
            weight.add(change, scale: term.weight)
        }
        return weight
    }

    /// b + Σ wᵢ Δbᵢ
    func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float] {
        var bias = base.bias
        for term in terms {
            guard let adapter = term.adapter as? any MergeableAdapter else {
                preconditionFailure("what cannot be merged is refused before")
            }
            let changed = adapter.mergedBias(into: base, term.pass.parameters)
            for index in bias.indices { bias[index] += term.weight * (changed[index] - base.bias[index]) }
        }
        return bias
    }
}

/// The same of adapters that add: y = base(x) + Σ wᵢ changeᵢ(x), with one product with the frozen weight, in mixed batches too.
struct AdditiveSum: MergeableAdapter, RowwiseAdapter {
    let sum: AdapterSum
    private let scaled: [(adapter: any AdditiveAdapter, pass: Pass)]

    /// nil if one of the adapters does more than add.
    init?(_ sum: AdapterSum) {
        var scaled: [(adapter: any AdditiveAdapter, pass: Pass)] = []
        for term in sum.terms {
            guard let adapter = term.adapter as? any AdditiveAdapter else { return nil }
            scaled.append((term.weight == 1 ? adapter : adapter.scaled(by: term.weight), term.pass))
        }
        (self.sum, self.scaled) = (sum, scaled)
    }

    /// None.
    var parameters: [Parameter] { [] }

    func rowChange(of base: FrozenLinear, _ parameters: ParameterVector) -> any RowChange {
        SeveralChanges(changes: scaled.map { $0.adapter.rowChange(of: base, $0.pass.parameters) })
    }

    func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        precondition(pass.demand == .nothing && pass.dropout == nil, "a sum of adapters is for inference")
        let change = rowChange(of: base, pass.parameters)
        var (y, _) = base.forward(x, pass)
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        y.withMutableView { y in x.values.withView { change.changeOutput(y, of: $0) } }
        return (y, { _, _, _ in })
    }

    func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        sum.merged(into: base, parameters)
    }

    func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float] {
        sum.mergedBias(into: base, parameters)
    }
}

/// Several changes, one after the other.
private struct SeveralChanges: RowChange {
    let changes: [any RowChange]

    func changeOutput(_ y: MatrixView, of x: MatrixView) {
        for change in changes { change.changeOutput(y, of: x) }
    }
}
