import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices

/// What a benchmark measures, and how.
package struct BenchmarkSubject: Sendable {
    /// The encoder.
    package var model: AdaptedModel
    /// The folder that it was read from.
    package let folder: URL
    /// How its weights are packed.
    package let precision: Precision
    /// What it is given to read.
    package let texts: BenchmarkTexts
    /// Texts of a training step, and tokens that a text is cut to in training.
    package var batchSize = 32
    package var maximumTokens = 256
    /// The adapters that are trained, and where they go.
    package var lora = LoRAMethod()
    package var targets = AdapterRecipe.Targets.usual
    package var layers: [Int]?
    /// Whether the encoder's own dropout applies in training.
    package var dropsInsideEncoder = true
    /// How long each figure is measured for.
    package var repetition = Repetition(seconds: 1)

    package init(model: AdaptedModel, folder: URL, precision: Precision, texts: BenchmarkTexts) {
        (self.model, self.folder, self.precision, self.texts) = (model, folder, precision, texts)
    }

    /// The adapters as training asks for them.
    package var recipe: AdapterRecipe { AdapterRecipe(lora, targets: targets, layers: layers) }

    /// The lengths of texts in tokens, cut to `limit`.
    func lengths(of texts: [TextInput], limit: Int) throws -> [Int] {
        try model.tokenize(texts, limit: limit).map(\.ids.count)
    }
}
