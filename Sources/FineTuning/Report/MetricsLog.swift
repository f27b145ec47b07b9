import Files
import Foundation

/// `metrics.jsonl`: a row for each step and for each task's evaluation, in their order, there as soon as it is appended.
///
/// Each row is written by one call to the system, so a run that is killed leaves whole lines but for the last one at worst,
/// and that is cut off when the run is resumed. What every field means: `docs/formats.md`.
public final class MetricsLog {
    /// The file.
    public let url: URL
    private var rows: [MetricsRow] = []
    private var file: GrowingFile
    /// Whether rows of the run before its resumption are still to be cut to where that goes on.
    private var isResumed: Bool

    /// Begins the file at `url`, in place of one that is there. Its folder is made if need be.
    ///
    /// - Throws: ``MetricsLogError`` if the system refuses.
    public convenience init(at url: URL) throws(MetricsLogError) { try self.init(url, rows: [], isResumed: false) }

    /// Goes on with the file at `url`, a new one if there is none: the first row that is appended says where the run goes on, and
    /// takes the place of the rows from there on, which the run that was killed had come to.
    ///
    /// - Throws: ``MetricsLogError`` if the file holds anything else, or the system refuses.
    public convenience init(resuming url: URL) throws(MetricsLogError) {
        guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else {
            try self.init(url, rows: [], isResumed: false)
            return
        }
        let data: Data
        do { data = try FilesError.catching("read", url.relativePath) { try Data(contentsOf: url) } } catch {
            throw .files(error)
        }
        try self.init(url, rows: MetricsLog.rows(in: data, file: url.relativePath), isResumed: true)
    }

    private init(_ url: URL, rows: [MetricsRow], isResumed: Bool) throws(MetricsLogError) {
        (self.url, self.rows, self.isResumed) = (url, rows, isResumed)
        let folder = url.deletingLastPathComponent()
        do {
            try FilesError.catching("create", folder.relativePath) {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
            file = try GrowingFile(at: url, fromStart: !isResumed)
        } catch { throw .files(error) }
    }

    /// All steps so far.
    public var steps: [StepRecord] {
        rows.compactMap { if case .step(let row) = $0 { row } else { nil } }
    }

    /// All evaluations so far.
    public var evaluations: [EvaluationRecord] {
        rows.compactMap { if case .evaluation(let row) = $0 { row } else { nil } }
    }

    /// The file's bytes.
    public var data: Data { Data(rows.map(\.line).joined().utf8) }

    /// Adds a step.
    public func append(_ step: StepRecord) throws(MetricsLogError) { try append(.step(step)) }

    /// Adds an evaluation.
    public func append(_ evaluation: EvaluationRecord) throws(MetricsLogError) { try append(.evaluation(evaluation)) }

    private func append(_ row: MetricsRow) throws(MetricsLogError) {
        do throws(FilesError) {
            if isResumed { try cut(before: row) }
            rows.append(row)
            try file.append(Data(row.line.utf8))
        } catch { throw .files(error) }
    }

    /// Drops the rows from where the run goes on, and half a line at the end.
    private func cut(before row: MetricsRow) throws(FilesError) {
        isResumed = false
        rows.removeAll { $0.place >= row.place }
        try AtomicFile.write(data, to: url)
        file = try GrowingFile(at: url, fromStart: false)
    }

    /// Removes the file: once what it holds stands in the output folder.
    public func remove() throws(MetricsLogError) {
        do throws(FilesError) {
            try FilesError.catching("remove", url.relativePath) { try FileManager.default.removeItem(at: url) }
        } catch { throw .files(error) }
    }

    /// The rows of a file, without what follows the last newline.
    private static func rows(in data: Data, file: String) throws(MetricsLogError) -> [MetricsRow] {
        let decoder = JSONDecoder()
        var rows: [MetricsRow] = []
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        for (index, line) in lines.enumerated() {
            guard let row = try? decoder.decode(MetricsRow.self, from: line) else {
                let text = String(decoding: line, as: UTF8.self)
                throw .notARow(
                    file: file, line: index + 1, found: text.count > 60 ? text.prefix(60) + "…" : text)
            }
            rows.append(row)
        }
        return rows
    }
}
