import Encoders
import FineTuning
import Foundation
import TestSupport
import Testing

/// Texts to embeddings by whole folders, against `SentenceTransformer.encode` in float64
/// (`Tests/Peers/make_pooling_fixtures.py`).
@Suite struct SentenceEmbeddingTests {
    private func check(
        _ folder: TemporaryFolder, _ golden: GoldenFile, _ tensor: String, prompt: PromptChoice = .standard
    ) throws {
        let model = try AdaptedModel(contentsOf: folder.url)
        let found = try model.embed(golden.texts().map { TextInput($0) }, prompt: prompt)
        let expected = try golden.floats(tensor)
        let scale = max(1, expected.map(abs).max() ?? 1)
        #expect(found.count * model.sentence.width == expected.count)
        #expect(Closeness.largestDifference(found.flatMap { $0 }, expected) < 1e-5 * scale, "\(tensor)")
    }

    @Test(arguments: Pooling.Mode.allCases) func eachModeEqualsEncode(mode: Pooling.Mode) throws {
        let golden = try GoldenFile("pooling/embeddings.safetensors")
        let flag = try #require(golden.settings("flags")[mode.rawValue] as? String)
        for text in ["{\"\(flag)\": true}", "{\"pooling_mode\": \"\(mode.rawValue)\"}"] {
            let folder = try Fixtures.copyOfTinyEncoder(under: "encoder/tiny-bert")
            try Data(text.utf8).write(to: folder.appending("1_Pooling/config.json"))
            try check(folder, golden, mode.rawValue)
        }
    }

    @Test func modulesOfEveryKindEqualEncode() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/dense")
        try check(folder, try GoldenFile("pooling/dense.safetensors"), "embeddings")
    }

    @Test func promptsEqualEncode() throws {
        let golden = try GoldenFile("pooling/prompts.safetensors")
        let texts = try golden.settings("prompts").compactMapValues { $0 as? String }
        let choices: [(name: String, prompt: PromptChoice)] = [
            ("default", .standard), ("passage", .named("passage")), ("document", .named("document")),
            ("text", .text(try #require(texts["text"]))), ("none", .text("")),
            ("long", .text(try #require(texts["long"]))),
        ]
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/prompts")
        for (name, prompt) in choices { try check(folder, golden, "embeddings.\(name)", prompt: prompt) }
    }

    @Test func lowercasingBeforeTheTokenizerEqualsEncode() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/lowercasing")
        try check(folder, try GoldenFile("pooling/lowercasing.safetensors"), "embeddings")
    }

    @Test func aFolderWithoutModulesEqualsEncode() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "encoder/tiny-bert")
        try FileManager.default.removeItem(at: folder.appending("modules.json"))
        try check(folder, try GoldenFile("pooling/plain.safetensors"), "embeddings")
    }

    @Test func aPromptThatTheFolderDoesNotHaveIsNamed() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/prompts")
        let model = try AdaptedModel(contentsOf: folder.url)
        let error = #expect(throws: PredictionError.self) { try model.embed(["a goal"], prompt: .named("question")) }
        #expect(error == .noSuchPrompt("question", known: ["document", "passage", "query"]))
    }

    @Test func aHeadSeesTheVectorsOfThePoolingBeforeAnyOtherModule() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/dense")
        var model = try AdaptedModel(contentsOf: folder.url)
        let data = try DatasetFile(
            "two.jsonl",
            "{\"text\": \"the team won\", \"label\": \"a\"}\n{\"text\": \"shares fell\", \"label\": \"b\"}\n"
        ).read()
        var options = TrainingOptions()
        options.epochs = 2
        let trained = try model.train(
            "task", on: data, recipe: nil, options, baseModel: nil, report: { _ in .more })
        let head = try #require(trained.task.head)
        #expect(head.tensors["weight"]?.columns == 6 * 32)
        #expect(head.pooling?.modes == model.sentence.pooling.modes)
        let written = try TemporaryFolder()
        let output = written.appending("task")
        try trained.task.write(to: output, card: "")
        let before = try model.predict(["the team won"], task: "task")
        try model.load("again", from: output)
        #expect(try model.predict(["the team won"], task: "again").map(\.answer) == before.map(\.answer))
        #expect(try HeadFiles(contentsOf: output, hiddenSize: 32) == head)
    }
}
