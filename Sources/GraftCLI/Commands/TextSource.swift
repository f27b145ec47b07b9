import Foundation
import Graft

/// The texts that `predict` and `embed` are given: on the line, in a file, or through standard input.
enum TextSource {
    /// All texts in their order.
    static func read(_ values: OptionValues) throws -> [TextInput] {
        guard let input = values[SharedOptions.input] else { return values.arguments.map { TextInput($0) } }
        if input.relativePath == "-" {
            return try Dataset(lines: FileHandle.standardInput.readToEnd() ?? Data()).inputs
        }
        let fields = Dataset.Fields(values, readingLabels: false)
        return try Dataset(contentsOf: input, fields: fields, labels: .ignored).inputs
    }

    /// Calls `body` for block after block of the texts, so that results appear while the rest is worked on.
    static func forEachBlock(of texts: [TextInput], _ body: ([TextInput]) throws -> Void) rethrows {
        let size = 512
        for start in stride(from: 0, to: texts.count, by: size) {
            try body(Array(texts[start..<min(start + size, texts.count)]))
        }
    }
}
