import Files

/// Reads the words after a command's name: `--option value`, `--option=value`, `--flag`, arguments; `--` ends the options.
///
/// A word that begins with a dash is an option, unless it is a number or the dash alone.
package struct OptionReader {
    private let command: CommandSpecification

    package init(_ command: CommandSpecification) { self.command = command }

    /// The values of all options, each checked, and the arguments.
    package func read(_ words: [String]) throws(CommandLineError) -> OptionValues {
        let (texts, arguments) = try sort(words)
        if let first = arguments.dropFirst(limit).first { throw .unexpectedArgument(first) }
        var values: [String: any Sendable] = [:]
        for option in command.options { values[option.name] = try option.read(texts[option.name] ?? []) }
        if let argument = command.argument, argument.count == .one, arguments.isEmpty {
            throw .missingArgument(argument.valueName)
        }
        let result = OptionValues(arguments: arguments, values: values, given: Set(texts.keys))
        try command.check(result)
        return result
    }

    private var limit: Int {
        switch command.argument?.count {
        case nil: 0
        case .one: 1
        case .any: .max
        }
    }

    /// The texts given to each option, and the arguments.
    private func sort(
        _ words: [String]
    ) throws(CommandLineError) -> (texts: [String: [String]], arguments: [String]) {
        var (texts, arguments) = ([String: [String]](), [String]())
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                break
            }
            guard OptionReader.isOption(word) else {
                arguments.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let option = try option(named: String(parts[0]))
            if !option.isRepeatable, texts[option.name] != nil { throw .givenTwice(option.name) }
            let text: String
            if option.valueName == nil {
                if parts.count > 1 { throw .valueOfFlag(option.name, found: String(parts[1])) }
                text = ""
            } else if parts.count > 1 {
                text = String(parts[1])
            } else if let next = rest.first, !OptionReader.isOption(next) {
                text = rest.removeFirst()
            } else {
                throw .missingValue(option: option.usage, found: rest.first)
            }
            texts[option.name, default: []].append(text)
        }
        return (texts, arguments)
    }

    /// Whether a word is an option, and so no value and no argument.
    static func isOption(_ word: String) -> Bool { word.hasPrefix("-") && word != "-" && Double(word) == nil }

    private func option(named word: String) throws(CommandLineError) -> OptionSpecification {
        if let option = command.options.first(where: { "--\($0.name)" == word }) { return option }
        let names = command.options.map { "--\($0.name)" } + ["--help"]
        throw .unknownOption(word, nearest: NearestName.to(word, among: names))
    }
}
