import Matrices

/// What the pruning methods do with the same tensor's changes of several tasks, number by number.
struct Pruning {
    let method: CombiningMethod
    /// The share of numbers that stay.
    let density: Double
    let seed: UInt64

    /// The combination of changes of one tensor. `name` is the tensor's: random choices depend on it and the place of the task.
    func combine(_ parts: [(change: DoubleMatrix, weight: Double)], named name: String) -> DoubleMatrix {
        let pruned = parts.enumerated().map { index, part in
            switch method {
            case .ties, .magnitude: trimmed(part.change)
            case .dare, .dareTies: dropped(part.change, RandomStream(seed: seed, name: "dare.\(index).\(name)"))
            case .cat, .svd, .linear: part.change
            }
        }
        let weighted = zip(pruned, parts).map { $0.multiplied(by: $1.weight) }
        return method == .ties || method == .dareTies ? Pruning.elect(weighted) : Pruning.sum(weighted)
    }

    /// The numbers of largest magnitude; of equal ones the first.
    private func trimmed(_ change: DoubleMatrix) -> DoubleMatrix {
        let count = Int(density * Double(change.values.count))
        guard count < change.values.count else { return change }
        guard count > 0 else { return DoubleMatrix(rows: change.rows, columns: change.columns) }
        let magnitudes = change.values.map(abs).sorted()
        let threshold = magnitudes[magnitudes.count - count]
        var ofThreshold = count - change.values.count { abs($0) > threshold }
        return change.mapped { value in
            if abs(value) > threshold { return value }
            guard abs(value) == threshold, ofThreshold > 0 else { return 0 }
            ofThreshold -= 1
            return value
        }
    }

    /// Each number stays with the probability of the density, and is divided by it.
    private func dropped(_ change: DoubleMatrix, _ stream: RandomStream) -> DoubleMatrix {
        guard density < 1 else { return change }
        var stream = stream
        return change.mapped { Double(stream.uniform()) < density ? $0 / density : 0 }
    }

    private static func sum(_ parts: [DoubleMatrix]) -> DoubleMatrix {
        var sum = parts[0]
        for part in parts.dropFirst() { sum.add(part) }
        return sum
    }

    /// Of each element the mean of those numbers whose sign is that of the sum. The weights are in the numbers, so that the
    /// sign of a negative weight counts.
    private static func elect(_ parts: [DoubleMatrix]) -> DoubleMatrix {
        let total = sum(parts)
        var place = 0
        return total.mapped { total in
            defer { place += 1 }
            var (sum, count) = (0.0, 0.0)
            for part in parts {
                let value = part.values[place]
                guard value != 0, (value > 0) == (total >= 0) else { continue }
                sum += value
                count += 1
            }
            return count > 0 ? sum / count : 0
        }
    }
}

extension DoubleMatrix {
    /// What `change` makes of each number, row after row.
    fileprivate func mapped(_ change: (Double) -> Double) -> DoubleMatrix {
        DoubleMatrix(rows: rows, columns: columns, values: values.map(change))
    }
}
