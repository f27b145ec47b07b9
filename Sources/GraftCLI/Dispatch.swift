import Files
import Foundation

/// The program: finds the command that a line names, and runs it.
package struct Dispatch: Sendable {
    /// What the program is called.
    package let program: String
    /// Its version, and what it is for in a line.
    package let version, summary: String
    /// Its commands, in the order of help.
    package let commands: [Command]

    package init(program: String, version: String, summary: String, commands: [Command]) {
        (self.program, self.version, self.summary, self.commands) = (program, version, summary, commands)
    }

    /// How the program ends.
    package enum ExitCode {
        /// It is done.
        package static let done: Int32 = 0
        /// The work failed.
        package static let failed: Int32 = 1
        /// The command line is wrong.
        package static let misused: Int32 = 2
    }

    /// Runs the command of a line, its first word the one after the program's name.
    ///
    /// - Parameters:
    ///   - output: where help and the version go: standard output.
    ///   - errors: where words about what went wrong go: standard error.
    /// - Returns: how the program ends.
    package func run(_ words: [String], output: (String) -> Void, errors: (String) -> Void) -> Int32 {
        guard let first = words.first else {
            errors(HelpText.text(of: self))
            return ExitCode.misused
        }
        if OptionReader.isOption(first) {
            switch first {
            case "-h", "--help": output(HelpText.text(of: self))
            case "--version": output("\(program) \(version)")
            default:
                let error = CommandLineError.unknownOption(
                    first, nearest: NearestName.to(first, among: ["--help", "--version"]))
                errors(refusal(error, of: nil))
                return ExitCode.misused
            }
            return ExitCode.done
        }
        guard let command = commands.first(where: { $0.specification.name == first }) else {
            let names = commands.map(\.specification.name)
            errors(refusal(.unknownCommand(first, nearest: NearestName.to(first, among: names)), of: nil))
            return ExitCode.misused
        }
        // Help is given whatever else the line holds.
        if words.prefix(while: { $0 != "--" }).contains(where: { $0 == "-h" || $0 == "--help" }) {
            output(HelpText.text(of: command.specification, program: program))
            return ExitCode.done
        }
        do {
            try command.run(try OptionReader(command.specification).read(Array(words.dropFirst())))
            return ExitCode.done
        } catch let error as CommandLineError {
            errors(refusal(error, of: command.specification))
            return ExitCode.misused
        } catch {
            errors("\(program) \(first): \(Dispatch.words(for: error))")
            return ExitCode.failed
        }
    }

    /// What is wrong with the line, how it should look, and where more stands.
    private func refusal(_ error: CommandLineError, of command: CommandSpecification?) -> String {
        let name = command.map { "\(program) \($0.name)" } ?? program
        let usage =
            command.map { HelpText.usage(of: $0, program: program) }
            ?? "\(program) <command> [--option value]… [arguments]"
        return "\(name): \(error)\nusage: \(usage)\n'\(name) --help' says more."
    }

    /// Our own errors describe themselves in a line; Foundation's do so under another name.
    private static func words(for error: any Error) -> String {
        error is CocoaError ? error.localizedDescription : "\(error)"
    }
}
