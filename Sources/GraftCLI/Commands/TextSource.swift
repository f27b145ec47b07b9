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

    /// The texts of the input file, each with what its field `taskField` says.
    static func readRequests(
        _ values: OptionValues, taskField: String
    ) throws -> [(text: TextInput, task: String)] {
        guard let input = values[SharedOptions.input] else { return [] }
        var fields = Dataset.Fields(values, readingLabels: false)
        // A task stands in a row as a label does.
        fields.label = taskField
        return try Dataset(contentsOf: input, fields: fields).examples.map { example in
            guard let task = example.label?.className else {
                throw CommandLineError.conflict(
                    "\(input.relativePath): the '\(taskField)' of line \(example.line) is no name of a task")
            }
            return (example.input, task)
        }
    }
}
