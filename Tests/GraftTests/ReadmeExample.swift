import Foundation
import Graft

/// The README's library example, so that it is compiled and run. `ReadmeTests` holds the two together.
func readmeExample(modelFolder: URL, folder: URL) throws -> [Prediction] {
    // README begins
    var model = try AdaptedModel(contentsOf: modelFolder)

    // Train a task. The encoder stays frozen; only the adapter and the head change.
    let texts = try Dataset(contentsOf: folder.appending(path: "train.jsonl"))
    let heldOut = try Dataset(contentsOf: folder.appending(path: "test.jsonl"))
    var options = TrainingOptions()
    options.epochs = 5
    let trained = try model.train(
        "topics", on: texts, evaluatingOn: heldOut, recipe: AdapterRecipe(rank: 8, alpha: 16), options,
        baseModel: "sentence-transformers/all-MiniLM-L6-v2"
    ) { _ in .more }
    try trained.task.write(to: folder.appending(path: "topics"), card: "# News topics\n")

    // Load another beside it. One encoder in memory; each text is answered by the task named for it.
    try model.load("sentiment", from: folder.appending(path: "sentiment"))
    let answers = try model.predict([
        (text: "Shares rose again.", task: "topics"), (text: "I loved every minute.", task: "sentiment"),
    ])

    // Merge one into a plain model folder, with proof that it does the same.
    let certificate = try Merge(model, base: modelFolder).write(
        "topics", to: folder.appending(path: "topics-merged"), samples: Merge.sampleTexts)
    print(certificate.embeddingDifference, answers.compactMap(\.label))
    // README ends
    return answers
}
