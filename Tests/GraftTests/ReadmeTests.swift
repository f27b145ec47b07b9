import Foundation
import Graft
import TestSupport
import Testing

@Suite struct ReadmeTests {
    private let tests = URL(filePath: #filePath).deletingLastPathComponent()

    @Test func theLibraryExampleIsTheCodeThatIsTested() throws {
        let source = try String(contentsOf: tests.appending(path: "ReadmeExample.swift"), encoding: .utf8)
        let tested = source.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { !$0.contains("README begins") }.dropFirst().prefix { !$0.contains("README ends") }
            .map { $0.trimmingCharacters(in: .whitespaces) }
        let root = tests.deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        let shown = readme.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { $0 != "```swift" }.dropFirst().prefix { $0 != "```" }
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .drop { $0.hasPrefix("import ") || $0.isEmpty }
        #expect(!tested.isEmpty)
        #expect(Array(shown) == tested)
    }

    @Test func theLibraryExampleRuns() throws {
        let folder = try TemporaryFolder()
        let rows = ["the team won", "a good season", "profit fell", "shares of the bank"].enumerated().map {
            "{\"text\": \"\($0.element)\", \"label\": \"\($0.offset < 2 ? "sport" : "business")\"}"
        }
        for name in ["train.jsonl", "test.jsonl"] {
            let lines = (0..<4).flatMap { _ in rows }.joined(separator: "\n")
            try Data(lines.utf8).write(to: folder.appending(name))
        }
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let data = try Dataset(contentsOf: folder.appending("train.jsonl"))
        let sentiment = try model.train(
            "sentiment", on: data, recipe: nil, TrainingOptions(), baseModel: "tiny-bert"
        ) { _ in .more }
        try sentiment.task.write(to: folder.appending("sentiment"), card: "# sentiment\n")

        let answers = try readmeExample(modelFolder: TinyEncoder.folder, folder: folder.url)
        #expect(answers.map(\.task) == ["topics", "sentiment"])
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.appending("topics").path())
        #expect(
            files.sorted() == [
                "README.md", "adapter_config.json", "adapter_model.safetensors", "head.safetensors", "head_config.json",
            ])
    }
}
