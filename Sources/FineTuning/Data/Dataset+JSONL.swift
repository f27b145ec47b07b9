import Files
import Foundation

extension Dataset {
    /// One JSON object a line; blank lines are passed over.
    static func fromJSONLines(
        _ bytes: UnsafeRawBufferPointer, source: String, _ fields: Fields, isLabelled: Bool
    ) throws(DataError) -> [Example] {
        let decoder = JSONDecoder()
        let wanted =
            [fields.text, fields.pair, fields.negative, fields.anchor, fields.positive, fields.tokens]
            + (isLabelled ? [fields.tags] + fields.labelNames : [])
        var lines = TextLines(bytes)
        var examples: [Example] = []
        while let (number, line) = lines.next() {
            if line.isBlank { continue }
            do {
                let example = try JSONRow(line, wanted, decoder).example(fields, isLabelled: isLabelled, line: number)
                if let first = examples.first { try example.matches(first) }
                examples.append(example)
            } catch { throw DataError(source, line: number, error) }
        }
        return examples
    }
}

extension Dataset.Fields {
    /// The names that a label may have.
    var labelNames: [String] { label.map { [$0] } ?? ["label", "labels"] }

    /// Whether, among fields of these names, there may be a label: by the usual names, by one like them, or by those that data
    /// sets of pairs have for a score. Pairs without one are texts that belong together.
    func mayBeLabelled(_ names: [String]) -> Bool {
        label != nil || labelNames.contains { names.contains($0) || NearestName.to($0, among: names) != nil }
            || names.contains { ["score", "similarity", "similarity_score", "relatedness_score"].contains($0) }
    }
}

extension Example {
    /// Checks that two examples of one source are of one kind.
    func matches(_ first: Example) throws(DataError.Problem) {
        if let label, let other = first.label, label.kind != other.kind {
            throw .mixedLabels(found: label.kind, expected: other.kind, firstLine: first.line)
        }
        if (pair == nil) != (first.pair == nil) { throw .mixedPairs(isPair: pair != nil, firstLine: first.line) }
        if (negative == nil) != (first.negative == nil) {
            throw .mixedTriplets(isTriplet: negative != nil, firstLine: first.line)
        }
        if (label == nil) != (first.label == nil) {
            throw .mixedLabelling(isLabelled: label != nil, firstLine: first.line)
        }
    }
}

/// The fields of one line.
private struct JSONRow {
    let names: [String]
    let values: [String: JSONValue]

    init(_ line: UnsafeRawBufferPointer, _ wanted: [String], _ decoder: JSONDecoder) throws(DataError.Problem) {
        // The decoder looks at no text that is not wanted, so the line is checked as a whole.
        guard let text = line.text else { throw .notUTF8 }
        let content: JSONLine
        do {
            content = try decoder.decode(JSONLine.self, from: Data(line), configuration: wanted)
        } catch { throw .notJSON(line: text.count > 60 ? text.prefix(60) + "…" : text) }
        switch content {
        case .object(let names, let values): (self.names, self.values) = (names, values)
        case .other(let value): throw .notAnObject(found: value.kind)
        }
    }

    func example(_ fields: Dataset.Fields, isLabelled: Bool, line: Int) throws(DataError.Problem) -> Example {
        // A line with a text and its tokens is a tagged sentence if tags are what is said about it.
        let isSentence =
            values[fields.tokens] != nil
            && (values[fields.text] == nil
                || values[fields.tags] != nil && fields.labelNames.allSatisfy { values[$0] == nil })
        if isSentence {
            let tokens = try list(fields.tokens)
            if tokens.isEmpty { throw .noTokens }
            guard isLabelled else { return Example(tokens: tokens, line: line) }
            let tags = try list(fields.tags)
            guard tags.count == tokens.count else { throw .unequalCounts(tokens: tokens.count, tags: tags.count) }
            return Example(tokens: tokens, tags: tags, line: line)
        }
        // A triplet may name its texts by what they are.
        let isNamed = values[fields.text] == nil && values[fields.anchor] != nil
        let textField = isNamed ? fields.anchor : fields.text
        let text = try text(try value(textField), field: textField)
        let pair = try optionalText(isNamed && values[fields.pair] == nil ? fields.positive : fields.pair)
        // What the second text is like is not said without one.
        let negative = pair == nil ? nil : try optionalText(fields.negative)
        let label = isLabelled ? try label(fields, isPair: pair != nil) : nil
        if label != nil, negative != nil {
            throw .labelledTriplet(field: fields.labelNames.first { values[$0] != nil } ?? fields.labelNames[0])
        }
        return Example(text, pairedWith: pair, negative: negative, label: label, line: line)
    }

    private func optionalText(_ field: String) throws(DataError.Problem) -> String? {
        guard let value = values[field] else { return nil }
        return try text(value, field: field)
    }

    /// The label; nil for a pair of which none is said, nor anything that may be one by another name.
    private func label(_ fields: Dataset.Fields, isPair: Bool) throws(DataError.Problem) -> Example.Label? {
        let present = fields.labelNames.filter { values[$0] != nil }
        if isPair, !fields.mayBeLabelled(names) { return nil }
        if present.count > 1 { throw .bothLabelFields(present[0], present[1]) }
        let field = present.first ?? fields.labelNames[0]
        switch try value(field) {
        case .text(""): throw .emptyLabel(field: field)
        case .text(let name): return .name(name)
        case .flag(let flag): return .name(flag ? "true" : "false")
        case .number(let number): return .number(number)
        case .list: return .names(try list(field))
        case let other: throw .wrongType(field: field, found: other.kind, expected: "text, a number or a list of names")
        }
    }

    /// The value of a field that has to be there.
    private func value(_ field: String) throws(DataError.Problem) -> JSONValue {
        if let value = values[field] { return value }
        if names.contains(field) { throw .wrongType(field: field, found: "null", expected: "a value") }
        throw .missingField(field, present: names, nearest: NearestName.to(field, among: names))
    }

    private func text(_ value: JSONValue, field: String) throws(DataError.Problem) -> String {
        guard case .text(let text) = value else { throw .wrongType(field: field, found: value.kind, expected: "text") }
        return text
    }

    /// The texts of a list; whole numbers and flags in it count as their text.
    private func list(_ field: String) throws(DataError.Problem) -> [String] {
        let value = try value(field)
        guard case .list(let items) = value else {
            throw .wrongType(field: field, found: value.kind, expected: "a list of texts")
        }
        var names: [String] = []
        for (place, item) in items.enumerated() {
            switch item {
            case .text(let name): names.append(name)
            case .flag(let flag): names.append(flag ? "true" : "false")
            case .number(let number): names.append(Example.Label.number(number).className ?? "")
            case .list, .object, .null:
                throw .wrongType(field: "\(field)[\(place)]", found: item.kind, expected: "text")
            }
        }
        return names
    }
}
