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
}
