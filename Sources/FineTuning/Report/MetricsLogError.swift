import Files

/// What can be wrong with a `metrics.jsonl`.
public enum MetricsLogError: Error, Sendable, Equatable {
    /// The file could not be read or written.
    case files(FilesError)
    /// A line is no row of it; its beginning.
    case notARow(file: String, line: Int, found: String)
}

extension MetricsLogError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .files(let error): "\(error)"
        case .notARow(let file, let line, let found):
            "\(file):\(line): this is no row of a metrics file, which has an \"event\" of \"step\" or \"evaluation\": "
                + "\(found); move the file away"
        }
    }
}
