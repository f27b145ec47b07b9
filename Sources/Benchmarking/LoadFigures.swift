import FineTuning
import Foundation
import Matrices

/// What it takes to have a model in memory. Median seconds, with the files in the system's cache.
package struct LoadFigures: Sendable {
    /// Reading the model folder.
    package let load: Double
    /// Reading it and embedding one short text: what is put off in loading is in this.
    package let loadAndFirstText: Double

    /// Measures the subject's folder.
    package init(_ subject: BenchmarkSubject) throws {
        func model() throws -> AdaptedModel {
            try AdaptedModel(contentsOf: subject.folder, precision: subject.precision)
        }
        load = try subject.repetition.median { _ = try model() }
        loadAndFirstText = try subject.repetition.median {
            _ = try model().embed(["The quick brown fox jumps over the lazy dog."])
        }
    }
}
