import Synchronization

/// Linear maps that adapters make of whole weights and the values of one pass: each is made, and packed, once, and read by all
/// parts of a step.
package final class ChangedMaps: Sendable {
    private let maps = Mutex<[Parameter: Slot]>([:])

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
}
