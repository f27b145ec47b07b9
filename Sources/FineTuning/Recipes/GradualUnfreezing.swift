/// Layers that are unfrozen one after the other, each in a stage of its own (Howard and Ruder 2018): what was unfrozen before
/// goes on training.
public struct GradualUnfreezing: Sendable, Equatable {
    /// Where it begins.
    public enum Start: String, Sendable, CaseIterable {
        /// With the topmost layer: nearest to the task.
        case top
        /// With the lowest.
        case bottom
    }

    /// Where it begins.
    public var start: Start
    /// How many layers, one after the other; nil: all.
    public var layers: Int?
    /// What trains beside the layers.
    public var beside: TrainingStage.Trains
    /// How each stage trains.
    public var options: TrainingOptions

    /// The given parts.
    public init(from start: Start, layers: Int? = nil, beside: TrainingStage.Trains, _ options: TrainingOptions) {
        (self.start, self.layers, self.beside, self.options) = (start, layers, beside, options)
    }

    /// The stages for an encoder of so many layers.
    func stages(layers count: Int) -> [TrainingStage] {
        let order = start == .top ? Array((0..<count).reversed()) : Array(0..<count)
        // More layers than there are: the check of layers tells.
        let missing = max(0, (layers ?? count) - count)
        let unfrozen = order.prefix(layers ?? count) + Array(count..<count + missing)
        var stages: [TrainingStage] = []
        for layer in unfrozen {
            var trains = stages.last?.trains ?? beside
            trains.layers.insert(layer)
            let words = trains.layers.count == 1 ? "layer" : "layers"
            stages.append(TrainingStage("\(words) \(LayerRange.text(trains.layers))", trains: trains, options))
        }
        return stages
    }
}
