import Matrices

/// The adapters that several tasks have on one linear map, each for its own rows of a batch: one product with the frozen weight
/// for all rows, then what each adapter does with its rows. Inference alone: nothing trains here.
struct MixedAdapter: LinearAdapter {
    /// How rows are changed.
    enum Change: Sendable {
        /// Beside the product that all rows share.
        case beside(any RowChange)
        /// With a product of their own.
        case instead(any LinearAdapter, Pass)

        /// Whether the rows take part in the shared product.
        var sharesProduct: Bool {
            if case .beside = self { true } else { false }
        }
    }

    private typealias Share = RowShares<Change>.Share

    /// Rows that none has go through the frozen map alone.
    var shares = RowShares<Change>()
    /// None: values are the shares' own.
    var parameters: [Parameter] { [] }

    func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        precondition(pass.demand == .nothing && pass.dropout == nil, "a mixed batch is for inference")
        let shares = shares.shares(of: pass.firstRow..<pass.firstRow + x.values.rows)
        let y =
            shares.allSatisfy(\.owner.sharesProduct)
            ? together(x, shares, base, pass) : piecewise(x, shares, base, pass)
        return (y, { _, _, _ in })
    }

    /// One product for all rows.
    private func together(_ x: LinearInput, _ shares: [Share], _ base: FrozenLinear, _ pass: Pass) -> Matrix {
        let changes = shares.compactMap { share -> (rows: Range<Int>, change: any RowChange)? in
            guard case .beside(let change) = share.owner else { return nil }
            return (share.rows, change)
        }
        var x = x
        if changes.contains(where: \.change.changesInput) {
            var values = x.values
            values.withMutableView { values in
                for (rows, change) in changes { change.changeInput(values.rows(rows)) }
            }
            x = LinearInput(values, for: base)
        }
        var (y, _) = base.forward(x, pass)
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        y.withMutableView { y in
            x.values.withView { x in
                for (rows, change) in changes { change.changeOutput(y.rows(rows), of: x.rows(rows)) }
            }
        }
        return y
    }

    /// A product for each stretch of rows that have the same right to one.
    private func piecewise(_ x: LinearInput, _ shares: [Share], _ base: FrozenLinear, _ pass: Pass) -> Matrix {
        var y = Matrix(uninitializedRows: x.values.rows, columns: base.outputs)
        func input(_ rows: Range<Int>) -> LinearInput { LinearInput(x.values.rows(rows), for: base) }
        func put(_ part: Matrix, _ rows: Range<Int>) {
            y.withMutableView { y in part.withView { y.rows(rows).copy($0) } }
        }
        func shared(_ rows: Range<Int>, _ shares: some Sequence<Share>) {
            guard !rows.isEmpty else { return }
            let own = shares.map {
                Share(
                    rows: $0.rows.lowerBound - rows.lowerBound..<$0.rows.upperBound - rows.lowerBound, owner: $0.owner)
            }
            put(together(input(rows), own, base, pass), rows)
        }
        var (start, waiting) = (0, [Share]())
        for share in shares {
            guard case .instead(let adapter, let own) = share.owner else {
                waiting.append(share)
                continue
            }
            shared(start..<share.rows.lowerBound, waiting)
            put(adapter.forward(input(share.rows), through: base, own).y, share.rows)
            (start, waiting) = (share.rows.upperBound, [])
        }
        shared(start..<x.values.rows, waiting)
        return y
    }
}
