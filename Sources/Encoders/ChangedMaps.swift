import Synchronization

/// What adapters make of the values of one pass, once for all who share it: linear maps with other weights, packed, for the parts
/// of a step; and what they do with rows (``RowChange``), for mixed batches.
package final class ChangedMaps: Sendable {
    private let maps = Mutex<[Parameter: Slot]>([:])
    private let changes = Mutex<[Site: (base: FrozenLinear, change: any RowChange)]>([:])

    /// Room for one map, which threads that want it wait for while the first makes it.
    private final class Slot: Sendable { let map = Mutex<FrozenLinear?>(nil) }

    /// The map that belongs to `parameter`, from `make` where nobody made it yet.
    package func map(of parameter: Parameter, _ make: () -> FrozenLinear) -> FrozenLinear {
        let slot = maps.withLock { maps in
            if let slot = maps[parameter] { return slot }
            let slot = Slot()
            maps[parameter] = slot
            return slot
        }
        return slot.map.withLock { map in
            if let map { return map }
            let made = make()
            map = made
            return made
        }
    }

    /// What the adapter of a site does with rows beside `base`, from `make` where nobody made it yet.
    func change(at site: Site, of base: FrozenLinear, _ make: () -> any RowChange) -> any RowChange {
        changes.withLock { changes in
            if let known = changes[site], known.base === base { return known.change }
            let change = make()
            changes[site] = (base, change)
            return change
        }
    }
}
