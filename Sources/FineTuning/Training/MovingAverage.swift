import Encoders

/// The exponential moving average of what trains: its values are those of the last some 1 / (1 − decay) steps together, and
/// jump about less than the values of any one of them (Polyak and Juditsky 1992).
///
///     a ← a + (1 − d) (θ − a),   d = min(decay, (1 + t) / (10 + t))
///
/// after step t, counted from 1: over the first steps d is lower, so that where training started does not stay in it. A
/// number that does not move stays what it is, bit for bit.
package struct MovingAverage: Sendable {
    /// Its decay at its highest, in [0, 1).
    package let decay: Float
    /// a
    package private(set) var values: ParameterVector

    /// The average so far: before the first step, the values that training starts from.
    package init(decay: Float, of values: ParameterVector) {
        precondition((0..<1).contains(decay), "a moving average decays by a factor from 0 to below 1")
        (self.decay, self.values) = (decay, values)
    }

    /// Takes in the values after a step, counted from 1.
    package mutating func add(_ new: ParameterVector, after step: Int) {
        precondition(new.layout.count == values.layout.count, "an average is of one layout")
        let share = 1 - min(decay, Float(1 + step) / Float(10 + step))
        values.withMutableValues { values in
            new.values.withUnsafeBufferPointer { new in
                for index in values.indices { values[index] += share * (new[index] - values[index]) }
            }
        }
    }

    /// Changes the average itself, where values of training are changed by something else than a step.
    package mutating func change(_ change: (inout ParameterVector) -> Void) { change(&values) }
}
