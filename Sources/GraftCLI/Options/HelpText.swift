/// The text of `--help`, made from what a command declares.
package enum HelpText {
    /// Columns that help takes.
    package static let width = 96
    /// Columns that names take at most: what is said of a longer one begins on the next line.
    private static let nameLimit = 30

    /// "graft merge --model MODEL [options]"
    static func usage(of command: CommandSpecification, program: String) -> String {
        let required = command.options.filter(\.isRequired).map { $0.usage + ($0.isRepeatable ? "…" : "") }
        let argument = command.argument.map { [$0.count == .one ? $0.valueName : "[\($0.valueName) …]"] } ?? []
        let isAllRequired = command.options.allSatisfy(\.isRequired)
        return ([program, command.name] + required + (isAllRequired ? [] : ["[options]"]) + argument)
            .joined(separator: " ")
    }

    /// The help of a command.
    package static func text(of command: CommandSpecification, program: String) -> String {
        var sections = [
            wrapped("\(program) \(command.name): \(command.summary)", indent: 0),
            wrapped("usage: " + usage(of: command, program: program), indent: 0, hanging: 4),
        ]
        sections += command.discussion.map { wrapped($0, indent: 0) }
        var entries: [(title: String, entries: [Entry])] = []
        if let argument = command.argument { entries.append(("Arguments", [(argument.valueName, argument.help)])) }
        for group in command.groups { entries.append((group.title, group.options.map(entry))) }
        entries.append(("Help", [("-h, --help", "shows this")]))
        return (sections + listing(entries)).joined(separator: "\n\n")
    }

    /// The help of the program.
    package static func text(of dispatch: Dispatch) -> String {
        let program = dispatch.program
        let sections = [
            wrapped("\(program) \(dispatch.version): \(dispatch.summary)", indent: 0),
            "usage: \(program) <command> [--option value]… [arguments]",
        ]
        let entries: [(title: String, entries: [Entry])] = [
            ("Commands", dispatch.commands.map { ($0.specification.name, $0.specification.summary) }),
            (
                "Options",
                [
                    ("-h, --help", "shows this, after a command what it does and its options"),
                    ("--version", "prints the version"),
                ]
            ),
        ]
        return (sections + listing(entries)).joined(separator: "\n\n")
    }

    private typealias Entry = (name: String, words: String)

    private static func entry(of option: OptionSpecification) -> Entry {
        let notes =
            (option.isRepeatable ? ["may be given several times"] : [])
            + (option.defaultText.map { ["default: \($0)"] } ?? [])
        return (option.usage, option.help + (notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"))
    }

    /// Names on the left, aligned over all sections, and what is said of them on the right.
    private static func listing(_ sections: [(title: String, entries: [Entry])]) -> [String] {
        let names = sections.flatMap { $0.entries.map(\.name.count) }
        let column = 2 + (names.filter { $0 <= nameLimit }.max() ?? 0) + 2
        return sections.map { title, entries in
            let lines = entries.map { name, words in
                let words = wrapped(words, indent: column)
                return name.count <= nameLimit
                    ? "  " + name + words.dropFirst(2 + name.count) : "  \(name)\n\(words)"
            }
            return "\(title):\n" + lines.joined(separator: "\n")
        }
    }

    /// Words on lines of at most `width` columns; each line begins with `indent` spaces, all but the first with `hanging` more.
    private static func wrapped(_ text: String, indent: Int, hanging: Int = 0) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            let start = indent + (lines.isEmpty ? 0 : hanging)
            if !line.isEmpty, start + line.count + 1 + word.count > width {
                lines.append(String(repeating: " ", count: start) + line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        lines.append(String(repeating: " ", count: indent + (lines.isEmpty ? 0 : hanging)) + line)
        return lines.joined(separator: "\n")
    }
}
