import Encoders
import Foundation
import Matrices

/// A tiny random model of one family with what transformers and PEFT compute with it
/// (`Tests/Peers/make_family_fixtures.py`).
public struct FamilyFixture {
    /// The folders of bare models: "bert", "distilbert", …
    public static let names = folders.filter { !$0.hasSuffix(taskEnding) }
    /// The folders of task models' checkpoints, whose names have a prefix: "bert-task", …
    public static let tasks = folders.filter { $0.hasSuffix(taskEnding) }
    /// The adapter folders of each bare model: on the family's default targets, and on all linear maps.
    public static let adapters = ["lora-default", "lora-every"]

    private static let taskEnding = "-task"
    private static let root = Fixtures.url("families")
    private static let folders: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path(percentEncoded: false))) ?? []
        return names.filter { !$0.hasSuffix(".json") }.sorted()
    }()

    /// The model folder.
    public let folder: URL
    /// What is to come out.
    public let golden: GoldenFile
    /// The texts of ``golden``, or their first tokens.
    public let batch: PackedBatch
    /// The rows of these tokens among those of ``golden``.
    private let rows: [Range<Int>]

    /// The fixture in `Tests/Fixtures/families/<name>`; with its texts cut to so many tokens for what is asked of every method,
    /// setting and precision, of which texts of hundreds of tokens would be nearly all the time.
    public init(_ name: String, cutTo tokens: Int = .max) throws {
        folder = FamilyFixture.root.appending(path: name)
        golden = try GoldenFile("families/\(name)/golden.safetensors")
        let whole = try golden.batch()
        rows = whole.sequences.map { $0.prefix(tokens) }
        var batch = PackedBatch()
        for text in rows { batch.append(tokens: Array(whole.tokens[text]), segments: Array(whole.segments[text])) }
        self.batch = batch
    }

    /// The encoder, read anew.
    public func encoder(_ precision: Precision = .float32) throws -> TransformerEncoder {
        try TransformerEncoder(contentsOf: folder, precision: precision)
    }

    /// The gradient [tokens, hidden] at the last hidden states that belongs to the golden gradients.
    public func dy() throws -> Matrix {
        let whole = try golden.dy()
        return Matrix(
            rows: batch.tokens.count, columns: whole.columns, values: rows.flatMap { $0.flatMap { whole.row($0) } })
    }

    /// How far states [tokens, hidden] are from the golden ones called `name`, of the largest golden number: in the rows
    /// that are stored, and in the projection of every row.
    public func difference(_ states: Matrix, from name: String) throws -> Float {
        let rows = try golden.integers("rows").flatMap { states.row($0) }
        var largest = Closeness.differenceOfLargest(rows, try golden.floats(name))
        if golden.names.contains(name + ".projection") {
            let direction = try golden.floats("direction")
            let projection = (0..<states.rows).map { row in
                zip(states.row(row), direction).reduce(0) { $0 + $1.0 * $1.1 }
            }
            largest = max(largest, Closeness.differenceOfLargest(projection, try golden.floats(name + ".projection")))
        }
        return largest
    }
}
