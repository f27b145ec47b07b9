import Benchmarking
import Graft

/// What `graft benchmark` found, as it is measured.
struct BenchmarkReport {
    /// What `--model` says.
    let model: String
    let subject: BenchmarkSubject
    /// Where the texts are from.
    let source: String
    let ceilings: MachineCeilings
    var showsCeilings = false
    var products: ProductFigures?
    var inference: InferenceFigures?
    var training: TrainingFigures?
    var adapters: AdapterFigures?
    var load: LoadFigures?
    /// The peak so far, after each section.
    private(set) var peakMemory: [(after: String, bytes: Int)] = []

    init(model: String, subject: BenchmarkSubject, source: String, ceilings: MachineCeilings) {
        (self.model, self.subject, self.source, self.ceilings) = (model, subject, source, ceilings)
    }

    /// Writes the peak of memory down.
    mutating func note(_ section: String) { peakMemory.append((section, PeakMemory.bytes)) }

    /// Operations a second as a share of what all threads in use can do in a format.
    func share(_ rate: Double, of precision: Precision) -> Double { rate / ceilings[precision].allThreads }
}
