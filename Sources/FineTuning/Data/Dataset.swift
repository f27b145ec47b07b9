import Files
import Foundation
import Matrices

/// Labelled texts, or texts alone, in the order of the file they come from.
///
/// Every example is of one kind: all pairs or none, all labels text, numbers, lists or tags. Anything else, and anything
/// that cannot be read, is a ``DataError`` that names the line.
public struct Dataset: Sendable {
    /// The examples; at least one as read from a source.
    public let examples: [Example]
    /// What errors call the source: the file as it was named, or "standard input".
    public let source: String

    /// Examples made in code. `source` is what errors call them.
    public init(_ examples: [Example], source: String = "the examples") {
        (self.examples, self.source) = (examples, source)
    }

    /// The names of the fields in JSON objects, and of the columns in tables.
    public struct Fields: Sendable, Equatable {
        /// The text.
        public var text = "text"
        /// The second text of a pair, where there is one.
        public var pair = "text_pair"
        /// The label, or a list of labels; nil: `label` or `labels`, whichever is there.
        public var label: String?
        /// The text of a triplet that does not belong to the first, where there is one.
        public var negative = "negative"
        /// What triplets, or pairs, may call the first and the second text instead.
        public var (anchor, positive) = ("anchor", "positive")
        /// The words of a tagged sentence, where a line has these instead of a text, and their tags.
        public var (tokens, tags) = ("tokens", "tags")

        /// The given names, for the rest the usual ones.
        public init(text: String = "text", pair: String = "text_pair", label: String? = nil) {
            (self.text, self.pair, self.label) = (text, pair, label)
        }
    }

    /// Whether labels are read.
    public enum LabelReading: Sendable {
        /// Every example has to have a label, unless its texts belong together and no field looks like a label: pairs, and
        /// triplets.
        case required
        /// Labels are passed over if there are any.
        case ignored
    }

    /// Reads a file by its extension: `.jsonl`, `.csv` or `.tsv` with a header, `.conll`, or `.txt` with one text a line.
    ///
    /// - Throws: ``DataError`` naming the file, the line, and the column of a table.
    public init(
        contentsOf url: URL, fields: Fields = Fields(), labels: LabelReading = .required
    ) throws(DataError) {
        let name = url.relativePath
        guard let format = Format(rawValue: url.pathExtension.lowercased()) else {
            throw DataError(
                name, .unknownExtension(found: url.pathExtension, accepted: Format.allCases.map(\.rawValue)))
        }
        let file: MappedFile
        do { file = try MappedFile(contentsOf: url) } catch { throw DataError(name, .unreadable(error)) }
        let read = { (bytes: UnsafeRawBufferPointer) throws(DataError) in
            try Dataset.examples(bytes, format, source: name, fields, labels)
        }
        self.init(try file.withBytes(read), source: name)
    }

    /// Reads plain text, one text a line: what comes through standard input.
    ///
    /// - Throws: ``DataError`` if there is no line, or a line that is not UTF-8.
    public init(lines: Data, source: String = "standard input") throws(DataError) {
        let result = lines.withUnsafeBytes { bytes in
            Result { () throws(DataError) in
                try Dataset.examples(bytes, .txt, source: source, Fields(), .ignored)
            }
        }
        self.init(try result.get(), source: source)
    }

    /// The formats, named by their extensions.
    private enum Format: String, CaseIterable { case jsonl, csv, tsv, conll, txt }

    private static func examples(
        _ bytes: UnsafeRawBufferPointer, _ format: Format, source: String, _ fields: Fields, _ labels: LabelReading
    ) throws(DataError) -> [Example] {
        let isLabelled = labels == .required
        let examples =
            switch format {
            case .jsonl: try fromJSONLines(bytes, source: source, fields, isLabelled: isLabelled)
            case .csv: try fromTable(bytes, separator: ",", source: source, fields, isLabelled: isLabelled)
            case .tsv: try fromTable(bytes, separator: "\t", source: source, fields, isLabelled: isLabelled)
            case .conll: try fromCoNLL(bytes, source: source, isLabelled: isLabelled)
            case .txt: try fromPlainText(bytes, source: source, isLabelled: isLabelled)
            }
        if examples.isEmpty { throw DataError(source, .empty) }
        return examples
    }

    /// One text a line, empty lines included: what is computed of the texts is in step with the lines.
    private static func fromPlainText(
        _ bytes: UnsafeRawBufferPointer, source: String, isLabelled: Bool
    ) throws(DataError) -> [Example] {
        if isLabelled { throw DataError(source, .noLabelsInPlainText) }
        var lines = TextLines(bytes)
        var examples: [Example] = []
        while let (number, line) = lines.next() {
            guard let text = line.text else { throw DataError(source, line: number, .notUTF8) }
            examples.append(Example(text, line: number))
        }
        return examples
    }
}

extension Dataset {
    /// The number of examples.
    public var count: Int { examples.count }

    /// All texts and pairs of texts.
    public var inputs: [TextInput] { examples.map(\.input) }

    /// How many examples have each label; a text of several labels counts for each, a tag for each word.
    public var labelCounts: [String: Int] {
        var counts: [String: Int] = [:]
        for example in examples {
            for name in example.label?.names ?? [] { counts[name, default: 0] += 1 }
        }
        return counts
    }

    /// The objective that the labels look made for: tags are tagging, lists are multilabel, numbers of which one at least
    /// has a fraction are regression (of pairs: similarity), anything else is classification. Pairs and triplets without
    /// labels are similarity, single texts without labels nothing.
    ///
    /// A score that only takes whole numbers looks like a class; say the objective then.
    public var guessedObjective: Objective? {
        guard let first = examples.first else { return nil }
        guard let label = first.label else { return first.pair == nil ? nil : .similarity }
        switch label {
        case .tags: return .tagging
        case .names: return .multilabel
        case .name, .number:
            var hasFraction = false
            for example in examples {
                guard let score = example.label?.score else { return .classification }
                if score != score.rounded() { hasFraction = true }
            }
            return !hasFraction ? .classification : first.pair == nil ? .regression : .similarity
        }
    }

    /// The same examples in an order that depends on the seed alone.
    public func shuffled(seed: UInt64) -> Dataset {
        var random = RandomStream(seed: seed, name: "dataset")
        return Dataset(random.permutation(count).map { examples[$0] }, source: source)
    }

    /// The first `limit` examples, or all if there are no more. Of a shuffled data set: a random sample.
    public func prefix(_ limit: Int) -> Dataset { Dataset(Array(examples.prefix(limit)), source: source) }
}
