import Foundation

/// A command line as one would type it again.
enum CommandLineText {
    /// The line of this process, with the program called by its name alone, and without the flag.
    static func thisCommand(without flag: String) -> String {
        let words = CommandLine.arguments.dropFirst().filter { $0 != flag }
        return (["graft"] + words.map(quoted)).joined(separator: " ")
    }

    /// In single quotes where a shell would read it otherwise; a path in the user's own folder from `~` on, so that it means
    /// the same to others.
    static func quoted(_ word: String) -> String {
        let home = FileManager.default.homeDirectoryForCurrentUser.path(percentEncoded: false)
        if word.hasPrefix(home) { return "~/" + quoted(String(word.dropFirst(home.count))) }
        let isPlain = word.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                || "-_./=,:@+%".unicodeScalars.contains(scalar)
        }
        return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
