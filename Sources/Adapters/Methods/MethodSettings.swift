/// What a recipe or a command line says of a method: values by name, each read with its kind and range checked.
public struct MethodSettings: Sendable, Equatable {
    /// A setting as it was written.
    public indirect enum Value: Sendable, Equatable {
        case number(Double)
        case flag(Bool)
        case text(String)
        case list([Value])
        case object([String: Value])
    }

    private let values: [String: Value]

    /// The given values.
    public init(_ values: [String: Value] = [:]) { self.values = values }

    /// The names of what was said.
    public var names: [String] { values.keys.sorted() }

    /// A setting as it was written; nil where nothing was said.
    public subscript(name: String) -> Value? { values[name] }

    /// A whole number within bounds.
    public func integer(
        _ name: String, default fallback: Int, in bounds: ClosedRange<Int>
    ) throws(AdapterError) -> Int {
        guard let value = values[name] else { return fallback }
        guard case .number(let number) = value, let whole = Int(exactly: number), bounds.contains(whole) else {
            let expected =
                bounds.upperBound == .max
                ? "a whole number of \(bounds.lowerBound) or more"
                : "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
            throw invalid(name, expected)
        }
        return whole
    }

    /// A number within bounds.
    public func number(
        _ name: String, default fallback: Float, in bounds: ClosedRange<Float>
    ) throws(AdapterError) -> Float {
        guard let value = values[name] else { return fallback }
        guard case .number(let number) = value, bounds.contains(Float(number)) else {
            throw invalid(
                name,
                "a number from \(MethodSettings.plain(bounds.lowerBound)) to \(MethodSettings.plain(bounds.upperBound))"
            )
        }
        return Float(number)
    }

    /// A number above 0.
    public func positive(_ name: String, default fallback: Float) throws(AdapterError) -> Float {
        guard let value = values[name] else { return fallback }
        guard case .number(let number) = value, number > 0, number.isFinite else {
            throw invalid(name, "a number above 0")
        }
        return Float(number)
    }

    /// Yes or no.
    public func flag(_ name: String, default fallback: Bool) throws(AdapterError) -> Bool {
        guard let value = values[name] else { return fallback }
        guard case .flag(let flag) = value else { throw invalid(name, "true or false") }
        return flag
    }

    /// One of some names.
    public func choice<Choice>(
        _ name: String, default fallback: Choice, of choices: [(name: String, choice: Choice)]
    ) throws(AdapterError) -> Choice {
        guard let value = values[name] else { return fallback }
        guard case .text(let text) = value, let found = choices.first(where: { $0.name == text }) else {
            throw invalid(name, choices.map(\.name).joined(separator: ", "))
        }
        return found.choice
    }

    /// The error of a setting that is of another kind, or out of range.
    public func invalid(_ name: String, _ expected: String) -> AdapterError {
        .invalidSetting(name, found: values[name].map(MethodSettings.words) ?? "missing", expected: expected)
    }

    private static func words(_ value: Value) -> String {
        switch value {
        case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
        case .flag(let flag): flag ? "true" : "false"
        case .text(let text): "'\(text)'"
        case .list: "a list"
        case .object: "an object"
        }
    }

    /// 16 and not 16.0.
    private static func plain(_ number: Float) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}
