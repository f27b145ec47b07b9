import Foundation

/// How the text after an option becomes a value: what help calls it, what it may be, and how it reads.
package struct ValueKind<Value: Sendable>: Sendable {
    /// What stands for the value in help: "FILE", "N", "linear|cosine".
    let valueName: String
    /// What is expected, for errors: "a whole number from 1 to 64".
    let expected: String
    /// The value of a text, nil if it is none.
    let read: @Sendable (String) -> Value?
    /// The text that gives a value, for the default in help.
    let write: @Sendable (Value) -> String
}

extension ValueKind where Value == String {
    /// Any text that is not empty.
    package static func text(_ valueName: String) -> ValueKind {
        ValueKind(
            valueName: valueName, expected: "text", read: { $0.isEmpty ? nil : $0 }, write: { $0 })
    }

    /// Any text, an empty one too.
    package static func anyText(_ valueName: String) -> ValueKind {
        ValueKind(valueName: valueName, expected: "text", read: { $0 }, write: { $0 })
    }
}

extension ValueKind where Value == URL {
    /// A path, from the current folder unless absolute.
    package static func path(_ valueName: String) -> ValueKind {
        ValueKind(
            valueName: valueName, expected: "a path", read: { $0.isEmpty ? nil : URL(filePath: $0) },
            write: { $0.relativePath })
    }
}

extension ValueKind where Value: FixedWidthInteger {
    /// A whole number within bounds.
    package static func integer(_ valueName: String, in bounds: ClosedRange<Value>) -> ValueKind {
        ValueKind(
            valueName: valueName,
            expected: bounds.upperBound == .max
                ? "a whole number of \(bounds.lowerBound) or more"
                : "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)",
            read: { text in Value(text).flatMap { bounds.contains($0) ? $0 : nil } }, write: { "\($0)" })
    }
}

extension ValueKind where Value == Int {
    /// A number of bytes, in decimal units if one is named: 1048576, 500MB, 2GB.
    package static var byteCount: ValueKind {
        let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("", 1)]
        return ValueKind(
            valueName: "BYTES", expected: "a number of bytes, such as 500MB or 2GB",
            read: { text in
                guard let unit = units.first(where: { text.hasSuffix($0.0) }),
                    let count = Int(text.dropLast(unit.0.count)), count >= 0
                else { return nil }
                let (bytes, isTooMany) = count.multipliedReportingOverflow(by: unit.1)
                return isTooMany ? nil : bytes
            }, write: { "\($0)" })
    }
}

extension ValueKind where Value: BinaryFloatingPoint & LosslessStringConvertible {
    /// A number within bounds, infinity and not-a-number never.
    package static func number(_ valueName: String, in bounds: ClosedRange<Value>) -> ValueKind {
        ValueKind(
            valueName: valueName,
            expected: bounds.upperBound == .greatestFiniteMagnitude
                ? "a number of \(plain(bounds.lowerBound)) or more"
                : "a number from \(plain(bounds.lowerBound)) to \(plain(bounds.upperBound))",
            read: { text in Value(text).flatMap { bounds.contains($0) ? $0 : nil } }, write: plain)
    }

    /// A number above zero.
    package static func positiveNumber(_ valueName: String) -> ValueKind {
        ValueKind(
            valueName: valueName, expected: "a number above 0",
            read: { text in Value(text).flatMap { $0 > 0 && $0.isFinite ? $0 : nil } }, write: plain)
    }

    /// 16 and not 16.0.
    @Sendable private static func plain(_ number: Value) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }
}

extension ValueKind {
    /// One of a few names; of many, help has one for all of them.
    package static func choice(
        _ choices: [(name: String, value: Value)], called valueName: String? = nil
    ) -> ValueKind where Value: Equatable {
        let names = choices.map(\.name)
        return ValueKind(
            valueName: valueName ?? names.joined(separator: "|"),
            expected: names.count == 1
                ? names[0] : names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1],
            read: { name in choices.first { $0.name == name }?.value },
            write: { value in choices.first { $0.value == value }?.name ?? "" })
    }

    /// One of an enumeration's names.
    package static func choice(of type: Value.Type) -> ValueKind
    where Value: CaseIterable & RawRepresentable & Equatable, Value.RawValue == String {
        choice(type.allCases.map { ($0.rawValue, $0) })
    }

    /// Several values with commas between them, none of them twice.
    package static func list<Element: Hashable & Sendable>(
        _ valueName: String, of kind: ValueKind<Element>
    ) -> ValueKind where Value == [Element] {
        ValueKind(
            valueName: valueName, expected: "\(kind.expected), or several of these with commas between them",
            read: { text in
                let items = text.split(separator: ",", omittingEmptySubsequences: false).map { kind.read(String($0)) }
                let values = items.compactMap { $0 }
                return values.count == items.count && Set(values).count == values.count ? values : nil
            },
            write: { $0.map(kind.write).joined(separator: ",") })
    }
}

extension ValueKind where Value == [Int] {
    /// Numbers and ranges of numbers with commas between them: "3-5,7" is 3, 4, 5 and 7. Sorted, each number once.
    package static var layers: ValueKind {
        /// More than any encoder has; a range is spelled out in memory.
        let limit = 10_000
        return ValueKind(
            valueName: "LAYERS", expected: "layers counted from 0, such as 3-5,7",
            read: { text in
                var layers: Set<Int> = []
                for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                    let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { end in
                        end.allSatisfy(\.isNumber) ? Int(end) : nil
                    }
                    guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first <= last,
                        last < limit
                    else { return nil }
                    layers.formUnion(first...last)
                }
                return layers.sorted()
            },
            write: { $0.map(String.init).joined(separator: ",") })
    }
}
