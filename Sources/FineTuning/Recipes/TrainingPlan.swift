import Encoders
import Foundation

/// What a run will train, and what that costs: said before the first step.
public struct TrainingPlan: Sendable {
    /// The encoder in a few words, and its numbers.
    public let encoder: String, encoderParameters: Int
    /// The stages in their order.
    public let stages: [Stage]
    /// Where the adapters go.
    public let adapters: [AdapterPlan]
    /// Every setting by its name, and what identifies base and data: two runs alike in these give the same bytes.
    public let settings: [(name: String, value: String)]

    /// One stage.
    public struct Stage: Sendable {
        /// Its name.
        public let name: String
        /// What trains, in words.
        public let trains: String
        /// What trains, by part of the model.
        public let groups: [TrainedGroup]
        /// What it means to train this, and when to do so: a sentence or two.
        public let meaning: [String]
        /// Epochs at most.
        public let epochs: Int
        /// What its steps cost.
        public let cost: StageCost
        /// What is kept of frozen layers; nil: nothing.
        public let kept: KeptStates?

        /// Numbers that train.
        public var parameters: Int { groups.reduce(0) { $0 + $1.parameters } }
    }

    /// The states of frozen layers, kept for later epochs.
    public struct KeptStates: Sendable, Equatable {
        /// The bytes that they take.
        public let bytes: Int
        /// Whether they fit in the memory that they may have; else they are in a temporary file.
        public let isInMemory: Bool
    }
}

extension AdaptedModel {
    /// What a run will train on this model, and what it costs. Data is tokenized for it, and nothing trains.
    ///
    /// - Throws: what training throws before its first step.
    public func plan(_ run: TrainingRun) throws -> TrainingPlan {
        let prepared = try PreparedRun(run, for: self, baseModel: nil)
        let stages = run.stages.indices.map { place in
            TrainingPlan.Stage(run.stages[place], prepared.trainer.model(of: place), prepared.trainer.values)
        }
        return TrainingPlan(
            encoder: encoder.config.summary, encoderParameters: encoder.config.parameterCount, stages: stages,
            adapters: try prepared.adapterPlans(),
            settings: prepared.identity.facets.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) })
    }
}

extension TrainingPlan.Stage {
    init(_ stage: TrainingStage, _ model: StageModel, _ values: ParameterVector) {
        let config = model.encoder.config
        let options = stage.options
        let trained = zip(zip(model.parameters.whole.parameters, model.parameters.places), model.isTrained)
            .filter(\.1).map { (parameter: $0.0.0, place: $0.0.1) }
        var (routes, bytes) = ([StageCost.Route](), 0)
        for (index, route) in model.routes.enumerated() {
            let training = RouteTexts(of: model.tasks, members: route.members) { $0.training }
            let evaluation = RouteTexts(of: model.tasks, members: route.members) { $0.evaluation }
            let lengths = training.lengths.map(Double.init)
            routes.append(
                .init(
                    tokens: lengths.reduce(0, +), squares: lengths.reduce(0) { $0 + $1 * $1 },
                    frozenLayers: route.frozenLayers, wholeLayers: config.wholeLayers(stage.trains.layers)))
            if route.frozenLayers > 0 {
                bytes += [training, evaluation].reduce(0) { $0 + model.features(index, $1, values).byteCount }
            }
        }
        let keeps = options.reusesFrozenLayers && options.epochs > 1 && bytes > 0
        let limit = options.featureMemory ?? TrainingOptions.usualFeatureMemory
        self.init(
            name: stage.name, trains: stage.trains.words, groups: TrainedGroup.groups(of: trained),
            meaning: stage.trains.meaning(frozenLayers: model.routes.map(\.frozenLayers).min() ?? 0, of: config.layers),
            epochs: options.epochs, cost: StageCost(config, routes, keepsStates: keeps),
            kept: keeps ? .init(bytes: bytes, isInMemory: bytes <= limit) : nil)
    }
}

extension EncoderConfig {
    /// "bert of 6 layers, 384 wide"
    package var summary: String { "\(family.modelType) of \(layers) layers, \(hiddenSize) wide" }

    /// The numbers of the frozen encoder, those that nothing changes (tables of relative positions) left out.
    package var parameterCount: Int {
        tensors.reduce(0) { sum, tensor in
            let extents = extents(of: tensor)
            return sum + extents.rows * extents.columns
        }
    }

    /// How many layers run with the weights of these.
    fileprivate func wholeLayers(_ weights: Set<Int>) -> Int {
        distinctLayers == layers ? weights.count : weights.isEmpty ? 0 : layers
    }
}
