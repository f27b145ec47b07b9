import Matrices

/// The order in which the examples of a run are drawn: a function of the seed and the epoch.
struct TrainingOrder: Sendable {
    /// What is drawn from: examples of one source, which one task or several learn from.
    struct Pool: Sendable {
        /// The tasks, by their places in the run.
        let tasks: [Int]
        /// The number of examples.
        let count: Int
        /// What its order is named after; nothing where it is the only one.
        let name: String
    }

    /// One example.
    struct Draw: Sendable, Equatable {
        let pool: Int
        /// The place of the example in its pool.
        let example: Int
    }

    let pools: [Pool]
    let mixing: TaskMixing
    let seed: UInt64

    /// The pools of the tasks that learn.
    init(_ tasks: [TrainingTask], _ mixing: TaskMixing, seed: UInt64) {
        var pools: [Pool] = []
        for (place, task) in tasks.enumerated() {
            guard let texts = task.training else { continue }
            let count = texts.units.count
            let shared = pools.firstIndex { pool in
                task.source != nil && tasks[pool.tasks[0]].source == task.source && pool.count == count
            }
            if let shared {
                pools[shared] = Pool(tasks: pools[shared].tasks + [place], count: count, name: pools[shared].name)
            } else {
                pools.append(Pool(tasks: [place], count: count, name: "." + task.name))
            }
        }
        if pools.count == 1 { pools[0] = Pool(tasks: pools[0].tasks, count: pools[0].count, name: "") }
        (self.pools, self.mixing, self.seed) = (pools, mixing, seed)
    }

    /// Examples of an epoch.
    var count: Int { pools.reduce(0) { $0 + $1.count } }

    /// The number of an epoch's steps.
    func stepCount(batchSize: Int) -> Int { (count + batchSize - 1) / batchSize }

    /// The steps of an epoch, which count from 1: `batchSize` examples each, but for the last.
    func steps(epoch: Int, batchSize: Int) -> [[Draw]] {
        let draws = draws(epoch: epoch)
        return stride(from: 0, to: draws.count, by: batchSize).map {
            Array(draws[$0..<min($0 + batchSize, draws.count)])
        }
    }

    private func draws(epoch: Int) -> [Draw] {
        guard pools.count > 1 else {
            return pools.isEmpty ? [] : permutation(of: 0, turn: epoch).map { Draw(pool: 0, example: $0) }
        }
        let quotas = mixing.quotas(of: pools.map(\.count))
        var examples = pools.indices.map { pool in
            self.examples(of: pool, from: (epoch - 1) * quotas[pool], count: quotas[pool])[...]
        }
        let slots = quotas.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
        var random = RandomStream(seed: seed, name: "mix.\(epoch)")
        return random.permutation(slots.count).map { slot in
            let pool = slots[slot]
            return Draw(pool: pool, example: examples[pool].removeFirst())
        }
    }

    /// Some examples of a pool in a row, where each turn has all of them in an order of its own.
    private func examples(of pool: Int, from start: Int, count: Int) -> [Int] {
        let size = pools[pool].count
        guard count > 0 else { return [] }
        let turns = start / size...(start + count - 1) / size
        let first = start - turns.lowerBound * size
        return Array(turns.flatMap { permutation(of: pool, turn: $0 + 1) }[first..<first + count])
    }

    private func permutation(of pool: Int, turn: Int) -> [Int] {
        var random = RandomStream(seed: seed, name: "order\(pools[pool].name).\(turn)")
        return random.permutation(pools[pool].count)
    }
}
