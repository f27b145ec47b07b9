import Files
import Foundation

/// One labelled text of the demo's data.
package struct DemoRow: Sendable, Equatable {
    package let text: String
    package let label: String
    package let score: Double?

    package init(text: String, label: String, score: Double? = nil) {
        (self.text, self.label, self.score) = (text, label, score)
    }

    /// The row as Python's `json.dumps(row, ensure_ascii=ascii)` writes it.
    package func json(ascii: Bool) -> String {
        let score = score.map { ", \"score\": \(PythonText.json($0))" } ?? ""
        return "{\"text\": \(PythonText.json(text, ascii: ascii)), "
            + "\"label\": \(PythonText.json(label, ascii: ascii))\(score)}"
    }

    /// Whether the row is held out: the SHA-256 of its JSON, taken modulo 100, is below 20.
    package var isForTesting: Bool {
        var hash = SHA256()
        hash.update(Data(json(ascii: true).utf8))
        return hash.digest().reduce(0) { ($0 * 256 + Int($1)) % 100 } < 20
    }
}
