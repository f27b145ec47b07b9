import Synchronization

/// What the adapters of one pass do with rows in mixed batches: made ready once, at the first such batch.
final class RowChanges: Sendable {
    private let changes = Mutex<[Site: (base: FrozenLinear, change: any RowChange)]>([:])

    /// What the adapter of a site does beside `base`, from `make` where nobody made it yet.
    func change(at site: Site, of base: FrozenLinear, _ make: () -> any RowChange) -> any RowChange {
        changes.withLock { changes in
            if let known = changes[site], known.base === base { return known.change }
            let change = make()
            changes[site] = (base, change)
            return change
        }
    }
}
