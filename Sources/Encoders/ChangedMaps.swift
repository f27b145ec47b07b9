import Matrices
import Synchronization

/// What adapters make of whole weights and the values of one pass: each is made once, and read by all parts of a step.
package final class ChangedMaps: Sendable {
    private let maps = Mutex<[Parameter: Slot<FrozenLinear>]>([:])
    private let matrices = Mutex<[Parameter: Slot<Matrix>]>([:])

    /// Room for one of them, which threads that want it wait for while the first makes it.
    private final class Slot<Made: Sendable>: Sendable { let made = Mutex<Made?>(nil) }

    /// The linear map that belongs to `parameter`, packed, from `make` where nobody made it yet.
    package func map(of parameter: Parameter, _ make: () -> FrozenLinear) -> FrozenLinear {
        ChangedMaps.value(of: parameter, in: maps, make)
    }

    /// The numbers that belong to `parameter`, from `make` where nobody made them yet: those of a weight's rows, say.
    package func matrix(of parameter: Parameter, _ make: () -> Matrix) -> Matrix {
        ChangedMaps.value(of: parameter, in: matrices, make)
    }

    private static func value<Made: Sendable>(
        of parameter: Parameter, in slots: borrowing Mutex<[Parameter: Slot<Made>]>, _ make: () -> Made
    ) -> Made {
        let slot = slots.withLock { slots in
            if let slot = slots[parameter] { return slot }
            let slot = Slot<Made>()
            slots[parameter] = slot
            return slot
        }
        return slot.made.withLock { made in
            if let made { return made }
            let fresh = make()
            made = fresh
            return fresh
        }
    }
}
