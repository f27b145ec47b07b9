import Files

/// What is wrong with a data set, and where.
public struct DataError: Error, Sendable, Equatable {
    /// The file as it was named, or "standard input".
    public let source: String
    /// The line, from 1; nil where the source as a whole is wrong.
    public let line: Int?
    /// The column of a table, from 1.
    public let column: Int?
    /// What is wrong.
    public let problem: Problem

    /// What can be wrong.
    public enum Problem: Error, Equatable {
        /// The file cannot be opened.
        case unreadable(FilesError)
        /// The extension says nothing about the format.
        case unknownExtension(found: String, accepted: [String])
        /// Labels are asked of a file of plain text.
        case noLabelsInPlainText
        /// There is no example.
        case empty
        /// The bytes are not UTF-8.
        case notUTF8
        /// The line is not JSON; its beginning.
        case notJSON(line: String)
        /// The line is JSON but no object.
        case notAnObject(found: String)
        /// A field or column is not there.
        case missingField(String, present: [String], nearest: String?)
        /// A field holds something else than it should.
        case wrongType(field: String, found: String, expected: String)
        /// `label` and `labels` are both there, and none was chosen.
        case bothLabelFields(String, String)
        /// The label is there but empty.
        case emptyLabel(field: String)
        /// The label is of another kind than that of the first example.
        case mixedLabels(found: String, expected: String, firstLine: Int)
        /// The example is a pair and the first is not, or the other way round.
        case mixedPairs(isPair: Bool, firstLine: Int)
        /// The example has a negative and the first has not, or the other way round.
        case mixedTriplets(isTriplet: Bool, firstLine: Int)
        /// The example has a label and the first has not, or the other way round.
        case mixedLabelling(isLabelled: Bool, firstLine: Int)
        /// A triplet has a label too.
        case labelledTriplet(field: String)
        /// As many tags as tokens are needed.
        case unequalCounts(tokens: Int, tags: Int)
        /// A sentence without a token.
        case noTokens
        /// A row with more or fewer columns than the header, or than the first row.
        case wrongColumnCount(found: Int, expected: Int)
        /// A column's name stands twice in the header.
        case duplicateColumn(String)
        /// A quote that is opened here is never closed.
        case unterminatedQuote
        /// Text follows a closing quote.
        case textAfterQuote
        /// All examples have the same label.
        case oneLabel(String, examples: Int)
        /// A label that the head does not know.
        case unknownLabel(String, known: [String], nearest: String?)
        /// A tag that is none, of a word by its number in the sentence, from 1.
        case invalidTag(String, word: String, number: Int)
        /// All words are outside of entities.
        case noEntities(words: Int)
        /// No text has any label.
        case noLabels(examples: Int)
        /// A label that is to be a number is none; as it is written.
        case notANumber(String, objective: Objective)
        /// A score outside of what scores of similarity are.
        case scoreOutOfRange(Double)
        /// The objective is of pairs and the example is none.
        case noPair(objective: Objective)
        /// The labels are of a kind that the objective cannot learn.
        case unsuitableLabels(found: String, objective: Objective)
    }

    init(_ source: String, line: Int? = nil, column: Int? = nil, _ problem: Problem) {
        (self.source, self.line, self.column, self.problem) = (source, line, column, problem)
    }
}

extension DataError: CustomStringConvertible {
    /// One line for people: `file:line, column n: what is wrong`.
    public var description: String {
        if case .unreadable(let error) = problem { return error.description }
        return source + (line.map { ":\($0)" } ?? "") + (column.map { ", column \($0)" } ?? "") + ": \(problem)"
    }
}

extension DataError.Problem: CustomStringConvertible {
    /// What was found, what was expected and what to do about it.
    public var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .unknownExtension(let found, let accepted):
            (found.isEmpty ? "the file has no extension" : "the extension .\(found) is not known")
                + "; data files end in \(accepted.map { "." + $0 }.joined(separator: ", "))"
        case .noLabelsInPlainText:
            "plain text has no labels; use .jsonl, .csv, .tsv or .conll"
        case .empty: "there is no example in it"
        case .notUTF8: "the text is not UTF-8; convert the file, for example with iconv"
        case .notJSON(let line): "this line is not JSON: \(line)"
        case .notAnObject(let found):
            "this line is \(found), expected a JSON object such as {\"text\": …, \"label\": …}"
        case .missingField(let name, let present, let nearest):
            "there is no '\(name)'; there is \(present.isEmpty ? "nothing" : DataError.list(present))"
                + (nearest.map { " (did you mean '\($0)'?)" } ?? "")
        case .wrongType(let field, let found, let expected): "'\(field)' is \(found), expected \(expected)"
        case .bothLabelFields(let first, let second):
            "there is a '\(first)' and a '\(second)'; choose one with --label-field"
        case .emptyLabel(let field): "'\(field)' is empty; every example needs a label"
        case .mixedLabels(let found, let expected, let firstLine):
            "the label is \(found), but \(expected) on line \(firstLine); write all labels the same way"
        case .mixedPairs(let isPair, let firstLine):
            isPair
                ? "there is a second text, but none on line \(firstLine); pairs and single texts do not mix"
                : "there is no second text, but one on line \(firstLine); pairs and single texts do not mix"
        case .mixedTriplets(let isTriplet, let firstLine):
            isTriplet
                ? "there is a negative, but none on line \(firstLine); pairs and triplets do not mix"
                : "there is no negative, but one on line \(firstLine); pairs and triplets do not mix"
        case .mixedLabelling(let isLabelled, let firstLine):
            isLabelled
                ? "there is a label, but none on line \(firstLine); label all pairs or none"
                : "there is no label, but one on line \(firstLine); label all pairs or none"
        case .labelledTriplet(let field):
            "there is a negative and a '\(field)'; a triplet says by itself what belongs together: leave one of them out"
        case .unequalCounts(let tokens, let tags):
            "the numbers of tokens (\(tokens)) and tags (\(tags)) differ"
        case .noTokens: "there are no tokens, expected at least one"
        case .wrongColumnCount(let found, let expected):
            "there \(found == 1 ? "is 1 column" : "are \(found) columns"), expected \(expected); check the separators and quotes"
        case .duplicateColumn(let name): "there are two columns '\(name)'; rename one"
        case .unterminatedQuote: "the quote that begins here is never closed; a quote inside quotes is written twice"
        case .textAfterQuote: "there is text after the closing quote; a quote inside quotes is written twice"
        case .oneLabel(let label, let examples):
            "\(examples == 1 ? "the only example is" : "all \(examples) examples are") labelled '\(label)'"
                + "; a classification needs two labels at least"
        case .unknownLabel(let label, let known, let nearest):
            "the label '\(label)' is not one of the known labels \(DataError.list(known))"
                + (nearest.map { " (did you mean '\($0)'?)" } ?? "")
        case .invalidTag(let tag, let word, let number):
            "'\(tag)' of word \(number), '\(word)', is no tag; tags are O, or B-, I-, E- or S- and a type, as in B-person"
        case .noEntities(let words):
            "there is no entity in it (words: \(words), all tagged O); tagging needs some to learn from"
        case .noLabels(let examples):
            "none of the \(examples) examples has a label; there is nothing to learn from"
        case .notANumber(let found, let objective):
            "the label '\(found)' is not a number, which the objective \(objective.rawValue) learns"
        case .scoreOutOfRange(let score):
            "the score is \(score); scores of similarity go from 0 to 1 (or -1 to 1), or from 0 to 5"
        case .noPair(let objective):
            "there is no second text, and the objective \(objective.rawValue) is of pairs; "
                + "add a 'text_pair', or name it with --pair-field"
        case .unsuitableLabels(let found, let objective):
            "the label is \(found), which does not fit the objective \(objective.rawValue)"
        }
    }
}

extension DataError {
    /// Names in quotes, cut after a dozen.
    fileprivate static func list(_ names: [String]) -> String {
        let limit = 12
        let shown = names.prefix(limit).map { "'\($0)'" }.joined(separator: ", ")
        return names.count > limit ? shown + " and \(names.count - limit) more" : shown
    }
}
