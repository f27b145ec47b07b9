import Encoders
import Matrices

/// What AdaLoRA's training keeps beside values and moments: how important each trained number has been, and which ranks are in
/// use; for all maps of a route together.
///
/// A rank's importance is that of its number in E, and the mean of those of its row of A and of its column of B; a number's is the
/// running mean of |value · gradient| times the running mean of how far that strays from its mean.
package struct RankAllocation: Sendable {
    /// The adapters, in the order of their sites.
    private let adapters: [AdaLoRA]
    private let schedule: RankSchedule
    /// The running means, zero for what is not of AdaLoRA.
    package private(set) var sensitivity, uncertainty: ParameterVector
    /// Which ranks are in use, adapter after adapter.
    package private(set) var isInUse: [Bool]
    /// Whether that no longer changes.
    package private(set) var isDecided = false

    /// The state before the first step of the adapters of a set, in a vector of this layout; nil if none of them is AdaLoRA.
    package init?(_ adapters: AdapterSet, _ layout: ParameterVector.Layout) {
        let found = adapters.sites.compactMap { adapters.linear[$0]?.proper as? AdaLoRA }
        guard let first = found.first else { return nil }
        (self.adapters, schedule) = (found, first.schedule)
        (sensitivity, uncertainty) = (ParameterVector(layout), ParameterVector(layout))
        isInUse = [Bool](repeating: true, count: found.reduce(0) { $0 + $1.e.count })
    }

    /// Refuses a schedule that leaves no step, of so many, to take ranks away in.
    package func check(steps: Int) throws(AdapterError) {
        guard schedule.warmupSteps >= steps - schedule.finalSteps else { return }
        throw .invalidSetting(
            "warmup_steps", found: "\(schedule.warmupSteps) with final_steps \(schedule.finalSteps)",
            expected: "together fewer than the \(steps) steps of the stage, so that there is time to give out ranks")
    }

    /// Puts back what an allocation of the same adapters had come to.
    package mutating func restore(
        sensitivity: ParameterVector, uncertainty: ParameterVector, isInUse: [Bool], isDecided: Bool
    ) {
        precondition(isInUse.count == self.isInUse.count, "an allocation is of the same adapters")
        (self.sensitivity, self.uncertainty) = (sensitivity, uncertainty)
        (self.isInUse, self.isDecided) = (isInUse, isDecided)
    }

    /// What trains on from these values keeps their ranks.
    package mutating func end(with values: ParameterVector) {
        isInUse = adapters.flatMap { $0.ranksInUse(values) }
        isDecided = true
    }

    /// Whether the adapters train at all where these parameters do.
    package func trains(_ trained: Set<Parameter>) -> Bool { adapters.contains { trained.contains($0.e) } }

    /// Whether a parameter is an E of which no rank is in use.
    package func isOut(_ parameter: Parameter) -> Bool {
        var start = 0
        for adapter in adapters {
            if adapter.e == parameter { return !isInUse[start..<start + adapter.e.count].contains(true) }
            start += adapter.e.count
        }
        return false
    }

    /// The orthogonality's share of the loss, mean over all A and B of ‖A Aᵀ − 1‖ and ‖Bᵀ B − 1‖ times its weight; its gradient is
    /// added.
    package func regularize(
        _ gradients: inout Gradients, _ values: ParameterVector, trains: (Parameter) -> Bool
    ) -> Double {
        guard schedule.orthogonality > 0 else { return 0 }
        var sum = 0.0
        let share = Double(schedule.orthogonality) / Double(2 * adapters.count)
        for adapter in adapters {
            for parameter in [adapter.a, adapter.b] {
                let rows = parameter == adapter.a
                // P has the vectors that are to be orthonormal as rows.
                let matrix = DoubleMatrix(values[parameter])
                let vectors = rows ? matrix : matrix.transposed
                var excess = vectors * vectors.transposed
                for index in 0..<excess.rows { excess[index, index] -= 1 }
                let norm = excess.squaredNorm.squareRoot()
                sum += norm
                guard trains(parameter), norm > 0 else { continue }
                // d‖P Pᵀ − 1‖/dP = 2 (P Pᵀ − 1) P / ‖…‖
                let gradient = (excess * vectors).multiplied(by: 2 * share / norm)
                let own = (rows ? gradient : gradient.transposed).rounded
                gradients.withMutableView(of: parameter) { view in own.withView { view.add($0) } }
            }
        }
        return sum * share
    }

    /// Takes note of a step, and takes ranks away where it is time: their E becomes zero.
    ///
    /// - Parameters:
    ///   - values: after the step, and the gradients that it was made with.
    ///   - step: the step, from 0, of `steps` of the stage.
    package mutating func allocate(
        _ values: inout ParameterVector, _ gradients: Gradients, step: Int, of steps: Int
    ) {
        guard !isDecided else { return mask(&values) }
        let last = schedule.lastDecision(of: steps)
        if step < steps - schedule.finalSteps { note(values, gradients) }
        if let budget = schedule.budget(after: step, of: steps, initial: isInUse.count, maps: adapters.count) {
            isInUse = leading(budget)
            mask(&values)
        } else if step > last {
            mask(&values)
        }
    }

    /// The E of maps that have no rank in use: they end at zero, where they began.
    package var unused: [Parameter] {
        var start = 0
        return adapters.compactMap { adapter in
            defer { start += adapter.e.count }
            return isInUse[start..<start + adapter.e.count].contains(true) ? nil : adapter.e
        }
    }

    /// E of ranks that are not in use becomes zero.
    package func mask(_ values: inout ParameterVector) {
        var start = 0
        for adapter in adapters {
            let own = isInUse[start..<start + adapter.e.count]
            if own.contains(false) {
                values.withMutableView(of: adapter.e) { e in
                    for (index, isInUse) in own.enumerated() where !isInUse { e.base[index] = 0 }
                }
            }
            start += adapter.e.count
        }
    }

    private mutating func note(_ values: ParameterVector, _ gradients: Gradients) {
        let (decay, otherDecay) = (schedule.sensitivityDecay, schedule.uncertaintyDecay)
        let layout = values.layout
        for adapter in adapters {
            for parameter in adapter.parameters {
                let range = layout.range(of: parameter)
                sensitivity.withMutableValues { mean in
                    uncertainty.withMutableValues { spread in
                        for index in range {
                            let importance = abs(values.values[index] * gradients.values[index])
                            mean[index] = decay * mean[index] + (1 - decay) * importance
                            spread[index] =
                                otherDecay * spread[index] + (1 - otherDecay) * abs(importance - mean[index])
                        }
                    }
                }
            }
        }
    }

    /// Whether each rank is among the `count` most important; of equal ones the first.
    private func leading(_ count: Int) -> [Bool] {
        var scores: [Float] = []
        for adapter in adapters {
            let (a, e, b) = (score(adapter.a), score(adapter.e), score(adapter.b))
            for rank in 0..<adapter.e.count {
                let row = (0..<a.columns).reduce(Float(0)) { $0 + a[rank, $1] } / Float(a.columns)
                let column = (0..<b.rows).reduce(Float(0)) { $0 + b[$1, rank] } / Float(b.rows)
                scores.append(e[0, rank] + row + column)
            }
        }
        var isLeading = [Bool](repeating: false, count: scores.count)
        let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
        for index in order.prefix(count) { isLeading[index] = true }
        return isLeading
    }

    private func score(_ parameter: Parameter) -> Matrix {
        let (mean, spread) = (sensitivity[parameter].values, uncertainty[parameter].values)
        return Matrix(
            rows: parameter.rows, columns: parameter.columns, values: zip(mean, spread).map { $0 * $1 })
    }
}
