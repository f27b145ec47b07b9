import Adapters
import Files
import Foundation

/// A value of a recipe with its place in it: each reading checks the kind and the range, and tells the place where it fails.
struct RecipeNode {
    let value: RecipeValue
    /// `tasks.topics.head`
    let path: String
    let file: String

    /// The error of this value.
    func failure(_ problem: RecipeError.Problem) -> RecipeError {
        RecipeError(file, line: value.line, at: path, problem)
    }

    /// The error of a value that is of another kind, or out of range.
    func invalid(_ expected: String) -> RecipeError { failure(.invalid(found: value.words, expected: expected)) }

    var isNull: Bool { value.content == .null }

    /// An object, by its fields.
    func object() throws(RecipeError) -> RecipeObject {
        guard case .object(let fields) = value.content else { throw invalid("an object") }
        return RecipeObject(self, fields)
    }

    /// A list; a single value is no list.
    func list(of what: String = "values") throws(RecipeError) -> [RecipeNode] {
        guard case .list(let values) = value.content else { throw invalid("a list of \(what)") }
        return values.enumerated().map { RecipeNode(value: $1, path: "\(path)[\($0)]", file: file) }
    }

    /// The text, nil for what is none.
    var optionalText: String? {
        guard case .text(let text) = value.content else { return nil }
        return text
    }

    /// Text that is not empty.
    func text(_ expected: String = "text") throws(RecipeError) -> String {
        guard let text = optionalText, !text.isEmpty else { throw invalid(expected) }
        return text
    }

    func flag() throws(RecipeError) -> Bool {
        guard case .flag(let flag) = value.content else { throw invalid("true or false") }
        return flag
    }

    /// A whole number within bounds: also one that is written 2e3.
    func integer(_ bounds: ClosedRange<Int>) throws(RecipeError) -> Int {
        let expected =
            bounds.upperBound == .max
            ? "a whole number of \(bounds.lowerBound) or more"
            : "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
        guard case .number(let text) = value.content,
            let number = Int(text) ?? Double(text).flatMap(Int.init(exactly:)),
            bounds.contains(number)
        else { throw invalid(expected) }
        return number
    }

    /// A number that holds to what is expected of it.
    func number(_ expected: String, _ holds: (Double) -> Bool) throws(RecipeError) -> Double {
        guard case .number(let text) = value.content, let number = Double(text), number.isFinite, holds(number) else {
            throw invalid(expected)
        }
        return number
    }

    /// A number within bounds.
    func number(_ bounds: ClosedRange<Double>) throws(RecipeError) -> Double {
        try number("a number from \(RecipeNode.plain(bounds.lowerBound)) to \(RecipeNode.plain(bounds.upperBound))") {
            bounds.contains($0)
        }
    }

    /// A number above 0.
    func positive() throws(RecipeError) -> Double { try number("a number above 0") { $0 > 0 } }

    /// One of an enumeration's names.
    func choice<Choice: CaseIterable & RawRepresentable>(
        _ kind: String, of type: Choice.Type = Choice.self
    ) throws(RecipeError) -> Choice where Choice.RawValue == String {
        try choice(kind, type.allCases.map { ($0.rawValue, $0) })
    }

    /// One of some names.
    func choice<Choice>(_ kind: String, _ choices: [(name: String, value: Choice)]) throws(RecipeError) -> Choice {
        let names = choices.map(\.name)
        guard let name = optionalText else { throw invalid(names.joined(separator: ", ")) }
        guard let found = choices.first(where: { $0.name == name }) else {
            throw failure(.unknownName(name, of: kind, known: names, nearest: NearestName.to(name, among: names)))
        }
        return found.value
    }

    /// Layers, as `[3, 4, 5]`, `5` or `"3-5,7"`: sorted, each once.
    func layers() throws(RecipeError) -> [Int] {
        let limit = 0...9999
        switch value.content {
        case .list:
            var layers: Set<Int> = []
            for node in try list(of: "layers") { layers.insert(try node.integer(limit)) }
            if layers.isEmpty { throw invalid("a layer at least") }
            return layers.sorted()
        case .text(let text):
            guard let layers = LayerRange.layers(in: text) else {
                throw invalid("layers counted from 0, such as 3-5,7")
            }
            return layers
        default: return [try integer(limit)]
        }
    }

    /// A setting of an adapter's method, of whatever kind.
    func setting() throws(RecipeError) -> MethodSettings.Value {
        switch value.content {
        case .number: return .number(try number("a number") { _ in true })
        case .flag(let flag): return .flag(flag)
        case .text(let text): return .text(text)
        case .list:
            var values: [MethodSettings.Value] = []
            for node in try list() { values.append(try node.setting()) }
            return .list(values)
        case .object:
            var values: [String: MethodSettings.Value] = [:]
            for (name, node) in try object().all { values[name] = try node.setting() }
            return .object(values)
        case .null: throw invalid("a value")
        }
    }

    /// Bytes, as a number or as text with a unit.
    func byteCount() throws(RecipeError) -> Int {
        if case .number = value.content { return try integer(0...Int.max) }
        let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)]
        guard let text = optionalText, let unit = units.first(where: { text.hasSuffix($0.0) }),
            let count = Int(text.dropLast(2).trimmingCharacters(in: .whitespaces)), count >= 0,
            case let (bytes, isTooMany) = count.multipliedReportingOverflow(by: unit.1), !isTooMany
        else { throw invalid("a number of bytes, or text such as \"500MB\"") }
        return bytes
    }

    /// 16 and not 16.0.
    private static func plain(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}

extension RecipeNode {
    /// `tasks.topics`, or `tasks["a b"]` where a name has other signs than those of names.
    static func path(_ path: String, _ name: String) -> String {
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || "0123456789_-".unicodeScalars.contains(scalar)
        }
        guard isPlain, !name.isEmpty else { return path + "[\"\(name)\"]" }
        return path.isEmpty ? name : "\(path).\(name)"
    }

    /// The name that was meant, if one is near.
    static func nearest(_ name: String, _ names: [String]) -> String? { NearestName.to(name, among: names) }
}
