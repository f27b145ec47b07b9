import Adapters
import Encoders
import Foundation
import Matrices
import TestSupport

/// A folder of AdapterHub's library on a tiny encoder, and what the library computes with it
/// (`Tests/Peers/make_adapterhub_fixtures.py`).
struct AdapterHubFixture {
    let folder: URL
    let encoder: TransformerEncoder
    let golden: GoldenFile
    let batch: PackedBatch

    /// `name` is "<family>.<case>".
    init(_ name: String) throws {
        folder = Fixtures.url("adapterhub/\(name)")
        let family = name.prefix { $0 != "." }
        encoder = try TransformerEncoder(contentsOf: Fixtures.url("families/\(family)"))
        golden = try GoldenFile("adapterhub/\(name)/golden.safetensors")
        batch = try golden.batch()
    }

    func bundle() throws -> AdapterBundle { try AdapterBundle(contentsOf: folder, for: encoder) }

    /// The gradient [tokens, hidden] at the last hidden states that belongs to the golden gradients.
    func dy() throws -> Matrix {
        let (left, right) = (try golden.matrix("dy.left"), try golden.matrix("dy.right"))
        var dy = Matrix(rows: left.rows, columns: right.columns)
        for row in 0..<dy.rows {
            for column in 0..<dy.columns {
                dy[row, column] = (0..<left.columns).reduce(0) { $0 + left[row, $1] * right[$1, column] }
            }
        }
        return dy
    }

    /// The object `config` of a folder's `adapter_config.json`.
    static func configuration(of folder: URL) throws -> [String: Any] {
        let data = try Data(contentsOf: folder.appending(path: "adapter_config.json"))
        let fields = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return fields?["config"] as? [String: Any] ?? [:]
    }
}
