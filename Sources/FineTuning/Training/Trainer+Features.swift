import Files
import Foundation

/// What frozen layers give, kept for the steps.
extension Trainer {
    /// The features of each route's training and evaluation texts, nil where frozen layers run in every step: with the cache
    /// off, or where the embeddings are all that lies below what trains.
    ///
    /// Where there is one epoch, nothing is needed twice, so nothing is kept.
    func keptFeatures(
        _ model: StageModel, _ options: TrainingOptions
    ) throws(TrainingError) -> (training: [FrozenFeatures?], evaluation: [FrozenFeatures?]) {
        let none = [FrozenFeatures?](repeating: nil, count: routes.count)
        guard options.reusesFrozenLayers else { return (none, none) }
        func features(_ texts: [RouteTexts]) -> [FrozenFeatures?] {
            routes.indices.map { route in
                guard model.routes[route].frozenLayers > 0 else { return nil }
                return model.features(route, texts[route], state.values)
            }
        }
        var training = features(trainingTexts)
        guard options.epochs > 1 else { return (training, none) }
        var evaluation = features(evaluationTexts)
        let limit = options.featureMemory ?? TrainingOptions.usualFeatureMemory
        let isInMemory = (training + evaluation).reduce(0) { $0 + ($1?.byteCount ?? 0) } <= limit
        let place = isInMemory ? ScratchSpace.Place.memory : .file(in: FileManager.default.temporaryDirectory)
        do throws(FilesError) {
            for route in routes.indices {
                try training[route]?.keep(in: place)
                try evaluation[route]?.keep(in: place)
            }
        } catch { throw .features(error) }
        return (training, evaluation)
    }

    /// Computes the features of the first of these steps, and ahead.
    func prepare(
        _ features: inout [FrozenFeatures?], _ steps: ArraySlice<[TrainingOrder.Draw]>
    ) throws(TrainingError) {
        for route in features.indices {
            do throws(FilesError) {
                try features[route]?.prepare(steps.lazy.map { places(of: examples(of: $0), route) })
            } catch { throw .features(error) }
        }
    }
}
