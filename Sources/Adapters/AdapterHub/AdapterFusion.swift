import Encoders
import Matrices

/// Attention over several trained bottlenecks behind one block (AdapterFusion, Pfeiffer et al. 2021), which stay as they are:
///
///     1. h, r as the last bottleneck has them,  uᵢ = scale · up(act(down(h))) of each bottleneck
///     2. q = query(h),  kᵢ = key(uᵢ),  vᵢ = value(uᵢ)
///     3. p = softmaxᵢ(dropout(q · kᵢ))
///     4. y = sum(Σ pᵢ vᵢ + r, x), or without the sum
///
/// as AdapterHub's library computes it. Rows are tokens: each has weights of its own.
public struct AdapterFusion: BlockAdapter {
    /// What is fused.
    let parts: [FusedAdapter]
    let query, key: BottleneckMap
    /// nil: vᵢ = uᵢ.
    let value: BottleneckMap?
    /// `query_before_ln`: whether q is of the block's result.
    let queriesResult: Bool
    let dropoutRate: Float
    /// Whether value is drawn to the identity (``addRegularization(_:_:to:)``).
    let isRegularized: Bool
    private let site: BlockSite
    private var name: String { "\(site)" }

    init(
        at site: BlockSite, hidden: Int, of parts: [FusedAdapter], hasValue: Bool, queriesResult: Bool,
        dropoutRate: Float,
        isRegularized: Bool
    ) {
        let name = "\(site)"
        func map(_ part: String, hasBias: Bool) -> BottleneckMap {
            BottleneckMap(
                inputs: hidden, outputs: hidden,
                weight: .dense(Parameter(name: "\(name).fusion.\(part).weight", rows: hidden, columns: hidden)),
                bias: hasBias ? Parameter(name: "\(name).fusion.\(part).bias", rows: 1, columns: hidden) : nil)
        }
        (self.site, self.parts) = (site, parts)
        (query, key) = (map("query", hasBias: true), map("key", hasBias: true))
        value = hasValue ? map("value", hasBias: false) : nil
        (self.queriesResult, self.dropoutRate, self.isRegularized) = (queriesResult, dropoutRate, isRegularized)
    }

    /// Of query, key and value.
    public var parameters: [Parameter] { query.parameters + key.parameters + (value?.parameters ?? []) }

    /// How all of them stand around the residual sum: as the last, which the library lets decide.
    private var wiring: BottleneckWiring {
        guard let wiring = parts.last?.bottleneck(at: site)?.wiring else { preconditionFailure("a fusion has parts") }
        return wiring
    }

    /// y [rows, hidden] of the block's result and the residual; the pullback leaves what trains.
    public func forward(
        _ result: Matrix, _ residual: Matrix, _ sum: BlockSum, _ pass: Pass
    ) -> (y: Matrix, pullback: BlockPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        // 1.
        let (h, r, entryPullback) = wiring.enter(result, residual, sum, pass)
        let expansions = parts.compactMap { part in
            part.bottleneck(at: site)?.expand(
                h, Pass(parameters: part.bundle.parameters, demand: pass.demand, trained: []))
        }
        // 2.
        let (q, queryPullback) = query.forward(queriesResult ? result : h, pass)
        let keys = expansions.map { key.forward($0.u, pass) }
        let readings = expansions.map { expansion -> (y: Matrix, pullback: Pullback) in
            value?.forward(expansion.u, pass) ?? (expansion.u, Bottleneck.passing)
        }
        // 3.
        var p = AdapterFusion.products(q, keys.map(\.y))
        let mask = pass.mask(name, rate: dropoutRate)
        if let mask { p.drop(mask) }
        p.withMutableView { $0.softmax(scale: 1) }
        // 4.
        var o = r
        AdapterFusion.add(readings.map(\.y), weights: p, to: &o)
        let (y, exitPullback) = wiring.leave(o, residual, sum, pass)
        guard pass.demand > .nothing else { return (y, { _, _ in (.empty, .empty) }) }
        return (
            y,
            { [queriesResult, p] dy, gradients in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                // 4.
                let (dO, dExit) = exitPullback(dy, &gradients)
                // 3.: dpᵢ = do · vᵢ, and through the softmax dsᵢ = pᵢ (dpᵢ − Σ pⱼ dpⱼ)
                var ds = AdapterFusion.products(dO, readings.map(\.y))
                ds.pullSoftmax(of: p)
                if let mask { ds.drop(mask) }
                // 2. and 1.
                var dq = Matrix(rows: q.rows, columns: q.columns)
                AdapterFusion.add(keys.map(\.y), weights: ds, to: &dq)
                var dh = Matrix(rows: h.rows, columns: h.columns)
                for index in expansions.indices {
                    var du = readings[index].pullback(AdapterFusion.scaled(dO, p, index), &gradients)
                    du.add(keys[index].pullback(AdapterFusion.scaled(q, ds, index), &gradients))
                    dh.add(expansions[index].pullback(du, &gradients))
                }
                let dQueried = queryPullback(dq, &gradients)
                if !queriesResult { dh.add(dQueried) }
                let (dResult, dResidual) = entryPullback(dh, dO, dExit, &gradients)
                return (queriesResult ? dResult + dQueried : dResult, dResidual)
            }
        )
    }

    /// Column i: the product of each row of `x` with that of the i-th matrix.
    private static func products(_ x: Matrix, _ matrices: [Matrix]) -> Matrix {
        var out = Matrix(uninitializedRows: x.rows, columns: matrices.count)
        out.withMutableView { out in
            for (index, matrix) in matrices.enumerated() {
                withViews(x, matrix) { views in
                    for row in 0..<out.rows {
                        let left = views[0].base + row * views[0].rowStride
                        let right = views[1].base + row * views[1].rowStride
                        var sum: Float = 0
                        for column in 0..<views[0].columns { sum += left[column] * right[column] }
                        out.base[row * out.rowStride + index] = sum
                    }
                }
            }
        }
        return out
    }

    /// Each row of `sum` += Σ weightsᵢ · the row of the i-th matrix.
    private static func add(_ matrices: [Matrix], weights: Matrix, to sum: inout Matrix) {
        sum.withMutableView { sum in
            for (index, matrix) in matrices.enumerated() {
                withViews(matrix, weights) { views in
                    for row in 0..<sum.rows {
                        let weight = views[1].base[row * views[1].rowStride + index]
                        let (from, to) = (views[0].base + row * views[0].rowStride, sum.base + row * sum.rowStride)
                        for column in 0..<sum.columns { to[column] += weight * from[column] }
                    }
                }
            }
        }
    }

    /// Each row of `x` times its weight in a column of `weights`.
    private static func scaled(_ x: Matrix, _ weights: Matrix, _ column: Int) -> Matrix {
        var out = x
        out.withMutableView { out in
            weights.withView { weights in
                for row in 0..<out.rows {
                    let weight = weights.base[row * weights.rowStride + column]
                    for place in 0..<out.columns { out.base[row * out.rowStride + place] *= weight }
                }
            }
        }
        return out
    }

    // MARK: Regularization

    /// What the library's trainer counts for each number of value that is off the identity, squared.
    static let regularization: Float = 0.01

    /// Leaves the gradient of 0.01 |V − 1|², which is added to the loss of a step, V being value's weight.
    func addRegularization(
        _ parameters: ParameterVector, _ trained: Set<Parameter>, to gradients: inout Gradients
    ) {
        guard isRegularized, let value, case .dense(let weight) = value.weight, trained.contains(weight) else { return }
        let factor = 2 * AdapterFusion.regularization
        parameters.withView(of: weight) { values in
            gradients.withMutableView(of: weight) { sum in
                for row in 0..<weight.rows {
                    for column in 0..<weight.columns {
                        let place = row * sum.rowStride + column
                        sum.base[place] += factor * (values.base[place] - (row == column ? 1 : 0))
                    }
                }
            }
        }
    }

    // MARK: Starting values

    /// Query and key normal, of deviation 0.02; value nearly the identity, as the library has it.
    func initialize(_ values: inout ParameterVector, seed: UInt64) {
        for map in [query, key] {
            if case .dense(let weight) = map.weight { values.fill(weight, seed) { 0.02 * $0.normal() } }
        }
        guard let value, case .dense(let weight) = value.weight else { return }
        var start = Matrix(
            rows: weight.rows, columns: weight.columns, values: [Float](repeating: 1e-6, count: weight.count))
        for row in 0..<weight.rows { start[row, row] = 1 }
        values[weight] = start
    }
}

extension Matrix {
    /// Each row d becomes p ⊙ (d − p · d): the gradient before a softmax whose result is p.
    fileprivate mutating func pullSoftmax(of p: Matrix) {
        withMutableView { [columns] d in
            p.withView { p in
                for row in 0..<d.rows {
                    let (d, p) = (d.base + row * d.rowStride, p.base + row * p.rowStride)
                    var sum: Float = 0
                    for column in 0..<columns { sum += p[column] * d[column] }
                    for column in 0..<columns { d[column] = p[column] * (d[column] - sum) }
                }
            }
        }
    }
}
