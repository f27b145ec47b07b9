import Adapters
import FineTuning
import TestSupport
import Testing
import Tokenizers

/// A prompt that starts as the tokens of a text.
@Suite struct PromptStartTests {
    private let text = "the team won"
    private let model: AdaptedModel

    init() throws { model = try AdaptedModel(contentsOf: TinyEncoder.folder) }

    private func method(_ settings: [String: MethodSettings.Value]) throws -> PromptTuningMethod {
        try PromptTuningMethod(MethodSettings(settings))
    }

    private func trained(_ start: PromptTuningMethod.Start) throws -> [Float] {
        var options = TrainingOptions()
        (options.epochs, options.batchSize) = (1, 2)
        let data = Dataset([Example("shares fell", label: .name("a")), Example("they won", label: .name("b"))])
        var model = model
        return try model.train(
            "task", on: data, recipe: AdapterRecipe(PromptTuningMethod(tokens: 7, start: start)), options,
            baseModel: nil
        ) { _ in .more }.task.parameters.values
    }

    @Test func itStartsAsTheTokensThatTheTokenizerMakesSpecialOnesIncluded() throws {
        let ids = try model.tokenizer.tokenize(text, pairedWith: nil, truncation: nil).ids
        #expect(ids.count == 5)
        #expect(try method(["text": .text(text)]).start == .text(text))
        #expect(try trained(.text(text)) == trained(.words(ids)))
        #expect(try trained(.text(text)) != trained(.words(Array(ids.dropLast()))))
    }

    @Test func withoutATokenizerItIsRefusedByName() throws {
        let recipe = AdapterRecipe(try method(["text": .text(text)]))
        let error = #expect(throws: AdapterError.self) { try recipe.fresh(for: model.encoder, seed: 0) }
        guard case .cannotStart("text", _, let reason) = error else {
            Issue.record("\(String(describing: error))"); return
        }
        #expect(reason.contains("tokenizer"))
    }

    @Test func aTextBesideAnotherStartIsRefused() {
        for settings: [String: MethodSettings.Value] in [
            ["text": .text(text), "start": .text("random")], ["text": .text("")], ["text": .number(3)],
        ] {
            #expect(throws: AdapterError.self) { try method(settings) }
        }
    }
}
