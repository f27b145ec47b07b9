import Adapters
import Encoders

/// What AdaLoRA does in a step beside gradients and the optimizer.
extension TrainingState {
    /// Adds the orthogonality's share of the loss of all routes that train with AdaLoRA to the gradient of a step.
    ///
    /// - Returns: the share.
    func regularize(_ gradients: inout Gradients, _ model: StageModel) -> Double {
        var sum = 0.0
        for (route, allocation) in allocations.sorted(by: { $0.key < $1.key }) {
            let trained = model.routes[route].trained
            guard allocation.trains(trained) else { continue }
            let layout = model.parameters.routes[route]
            gradients.show(as: layout)
            sum += allocation.regularize(&gradients, values.viewed(as: layout), trains: trained.contains)
            gradients.show(as: model.parameters.whole)
        }
        return sum
    }

    /// Takes note of the step that was made with these gradients, and takes ranks away where it is time.
    ///
    /// - Parameter steps: the steps of the running stage.
    mutating func allocateRanks(_ gradients: Gradients, _ model: StageModel, of steps: Int) {
        for (route, var allocation) in allocations where allocation.trains(model.routes[route].trained) {
            let layout = model.parameters.routes[route]
            values.show(as: layout)
            allocation.allocate(
                &values, gradients.viewed(as: layout), step: optimizer.steps - 1, of: steps)
            values.show(as: model.parameters.whole)
            allocations[route] = allocation
        }
    }

    /// Ranks that are not in use stay so in the average.
    mutating func maskAverage(_ model: StageModel) {
        for (route, allocation) in allocations where allocation.trains(model.routes[route].trained) {
            average?.change { values in
                values.show(as: model.parameters.routes[route])
                allocation.mask(&values)
                values.show(as: model.parameters.whole)
            }
        }
    }

    /// The ranks of a stage that has ended are those of later ones.
    mutating func endAllocation(_ model: StageModel) {
        for (route, var allocation) in allocations where allocation.trains(model.routes[route].trained) {
            allocation.end(with: values.viewed(as: model.parameters.routes[route]))
            allocations[route] = allocation
        }
    }
}
