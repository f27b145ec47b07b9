import Foundation
import Graft
import TestSupport
import Testing

/// The library as a user meets it: `import Graft` and nothing else. The README shows this code.
@Suite struct UmbrellaTests {
    private func dataset(_ count: Int) -> Dataset {
        let good = ["good", "great team", "a good season", "the team won"]
        let bad = ["bad", "bad film", "a long year", "profit fell"]
        return Dataset(
            (0..<count).map { index in
                let isGood = index % 2 == 0
                let text = (isGood ? good : bad)[index / 2 % 4]
                return Example(text, label: .name(isGood ? "good" : "bad"), line: index + 1)
            })
    }

    @Test func trainsSavesLoadsSwapsAndMerges() throws {
        let folder = try TemporaryFolder()
        let (modelFolder, adapterFolder) = (TinyEncoder.folder, folder.appending("adapter"))
        let (training, heldOut) = (dataset(64), dataset(16))

        var model = try AdaptedModel(contentsOf: modelFolder)
        var options = TrainingOptions()
        options.epochs = 8
        options.learningRate = 1e-2
        let trained = try model.train(
            "mood", on: training, evaluatingOn: heldOut, recipe: AdapterRecipe(rank: 4), options,
            baseModel: "tiny-bert"
        ) { _ in .more }
        try trained.task.write(to: adapterFolder, card: "# mood\n")
        #expect(trained.report.scores?.classification?.accuracy == 1)

        var other = try AdaptedModel(contentsOf: modelFolder)
        try other.load("mood", from: adapterFolder)
        let texts: [TextInput] = ["a good season", "profit fell"]
        let answers = try other.predict(texts, task: "mood")
        #expect(answers == (try model.predict(texts, task: "mood")))
        #expect(answers.map(\.label) == ["good", "bad"])
        #expect(try other.evaluate("mood", on: heldOut) == trained.report.scores)
        #expect(try other.embed(texts, task: "mood") != other.embed(texts))

        let mergedFolder = folder.appending("merged")
        let certificate = try Merge(other, base: modelFolder).write("mood", to: mergedFolder, samples: texts)
        #expect(certificate.holds)
        var plain = try AdaptedModel(contentsOf: mergedFolder)
        try plain.load("mood", from: mergedFolder)
        #expect(try plain.predict(texts, task: "mood").map(\.label) == ["good", "bad"])
    }
}
