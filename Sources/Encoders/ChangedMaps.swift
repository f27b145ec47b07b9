import Matrices
import Synchronization

/// What adapters make of whole weights and the values of one pass: each linear map is made, and packed, once, and read by all
/// parts of a step. So are matrices that take long to make of the parameters.
package final class ChangedMaps: Sendable {
    private let maps = Mutex<[Parameter: Slot<FrozenLinear>]>([:])
    private let derived = Mutex<[Parameter: Slot<[Matrix]>]>([:])
    private let factors = Mutex<[Parameter: Slot<PackedMatrix>]>([:])

    /// Room for one thing, which threads that want it wait for while the first makes it.
    private final class Slot<Made: Sendable>: Sendable { let made = Mutex<Made?>(nil) }

    /// The linear map that belongs to `parameter`, packed, from `make` where nobody made it yet.
    package func map(of parameter: Parameter, _ make: () -> FrozenLinear) -> FrozenLinear {
        ChangedMaps.find(parameter, in: maps, make)
    }

    /// The matrices that belong to `parameter`, from `make` where nobody made them yet.
    package func matrices(of parameter: Parameter, _ make: () -> [Matrix]) -> [Matrix] {
        ChangedMaps.find(parameter, in: derived, make)
    }

    /// The one matrix that belongs to `parameter`, from `make` where nobody made it yet: the lengths of a weight's rows, say.
    package func matrix(of parameter: Parameter, _ make: () -> Matrix) -> Matrix {
        matrices(of: parameter) { [make()] }[0]
    }

    /// The right side of many products that belongs to `parameter`, packed, from `make` where nobody made it yet.
    package func factor(of parameter: Parameter, _ make: () -> PackedMatrix) -> PackedMatrix {
        ChangedMaps.find(parameter, in: factors, make)
    }

    private static func find<Made: Sendable>(
        _ parameter: Parameter, in slots: borrowing Mutex<[Parameter: Slot<Made>]>, _ make: () -> Made
    ) -> Made {
        let slot = slots.withLock { slots in
            if let slot = slots[parameter] { return slot }
            let slot = Slot<Made>()
            slots[parameter] = slot
            return slot
        }
        return slot.made.withLock { found in
            if let found { return found }
            let made = make()
            found = made
            return made
        }
    }
}
