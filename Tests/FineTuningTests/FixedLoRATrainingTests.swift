import Adapters
import Encoders
import FineTuning
import Matrices
import TestSupport
import Testing

/// LoRA-FA and what else LoRA comes in, trained.
@Suite struct FixedLoRATrainingTests {
    private static let data = Dataset(
        (0..<8).flatMap { _ in
            [Example("the team won", label: .name("sport")), Example("shares fell", label: .name("business"))]
        })

    private func trained(_ settings: [String: MethodSettings.Value]) throws -> (TrainedTask, start: ParameterVector) {
        let recipe = AdapterRecipe(try LoRAMethod(MethodSettings(settings)), targets: .names(["query", "value"]))
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (4, 8, 1e-2)
        let start = try recipe.fresh(for: model.encoder, seed: options.seed).parameters
        let task = try model.train(
            "task", on: FixedLoRATrainingTests.data, recipe: recipe, options, baseModel: nil
        ) { _ in .more }
        return (task, start)
    }

    @Test(arguments: [false, true])
    func aFixedAKeepsItsBytesAndBLearns(trainsLengths: Bool) throws {
        let (trained, start) = try trained(["train_a": .flag(false), "dora": .flag(trainsLengths)])
        let bundle = try #require(trained.task.bundle)
        for parameter in bundle.adapters.parameters {
            let isSame = bundle.parameters[parameter] == start[parameter]
            #expect(isSame == parameter.name.hasSuffix("lora_A"), "\(parameter.name)")
        }
        let losses = trained.report.epochs.map(\.loss)
        #expect(try #require(losses.last) < #require(losses.first))
        let places = bundle.adapters.places
        let fixed = bundle.adapters.parameters.filter { places[$0]?.isFixed ?? false }
        #expect(fixed.count == 6)
    }

    @Test func lengthsTokensAndBiasesLearn() throws {
        for settings: [String: MethodSettings.Value] in [
            ["dora": .flag(true), "dropout": .number(0.2)], ["lora_bias": .flag(true)], ["bias": .text("lora_only")],
            ["tokens": .list([.number(Double(try token("team")))])],
        ] {
            let (trained, start) = try trained(settings)
            let bundle = try #require(trained.task.bundle)
            for parameter in bundle.adapters.parameters {
                #expect(bundle.parameters[parameter] != start[parameter], "\(parameter.name)")
            }
        }
    }

    /// The id of a word of the tiny encoder's vocabulary.
    private func token(_ word: String) throws -> Int {
        let model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        return Int(try model.tokenize([TextInput(word)], limit: 8)[0].ids[1])
    }
}
