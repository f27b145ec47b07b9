/// An option of a command line and the type of its value: `values[TrainOptions.rank]` is an `Int`.
package struct Option<Value: Sendable>: Sendable {
    /// What is known of it without its type.
    package let specification: OptionSpecification

    /// An option that has to be given.
    package static func required(_ name: String, _ kind: ValueKind<Value>, _ help: String) -> Option {
        Option(
            specification: OptionSpecification(
                name: name, valueName: kind.valueName, help: help, isRequired: true
            ) { texts throws(CommandLineError) in
                guard let text = texts.first else { throw .missingOption(name: name, valueName: kind.valueName) }
                return try read(text, kind, name)
            })
    }

    /// An option with a value that holds where it is not given.
    package static func defaulted(
        _ name: String, _ kind: ValueKind<Value>, default fallback: Value, _ help: String
    ) -> Option {
        Option(
            specification: OptionSpecification(
                name: name, valueName: kind.valueName, help: help, defaultText: kind.write(fallback)
            ) { texts throws(CommandLineError) in
                guard let text = texts.first else { return fallback }
                return try read(text, kind, name)
            })
    }

    /// An option that may be left out; its value is then nil.
    package static func optional<Wrapped>(
        _ name: String, _ kind: ValueKind<Wrapped>, _ help: String
    ) -> Option where Value == Wrapped? {
        Option(
            specification: OptionSpecification(name: name, valueName: kind.valueName, help: help) {
                texts throws(CommandLineError) in
                guard let text = texts.first else { return Wrapped?.none }
                return Wrapped?.some(try read(text, kind, name))
            })
    }

    /// An option that may be given several times, and has to be once if it is required.
    package static func repeated<Element>(
        _ name: String, _ kind: ValueKind<Element>, _ help: String, isRequired: Bool = true
    ) -> Option where Value == [Element] {
        Option(
            specification: OptionSpecification(
                name: name, valueName: kind.valueName, help: help, isRequired: isRequired, isRepeatable: true
            ) { texts throws(CommandLineError) in
                if isRequired, texts.isEmpty { throw .missingOption(name: name, valueName: kind.valueName) }
                var values: [Element] = []
                for text in texts { values.append(try read(text, kind, name)) }
                return values
            })
    }

    /// An option without a value: there or not.
    package static func flag(_ name: String, _ help: String) -> Option where Value == Bool {
        Option(
            specification: OptionSpecification(name: name, valueName: nil, help: help) {
                texts throws(CommandLineError) in !texts.isEmpty
            })
    }

    private static func read<Read>(
        _ text: String, _ kind: ValueKind<Read>, _ name: String
    ) throws(CommandLineError) -> Read {
        if let value = kind.read(text) { return value }
        throw .badValue(option: name, found: text, expected: kind.expected)
    }
}
