import Foundation

/// The Python that fetches and unpacks packages: `python3`, as the search path finds it.
package struct PythonCommand: Sendable {
    private let executable: URL
    private let leading: [String]

    /// The `python3` in the search path.
    package init() {
        self.init(executable: URL(fileURLWithPath: "/usr/bin/env"), leading: ["python3"])
    }

    /// Another program that takes the same arguments.
    package init(executable: URL, leading: [String] = []) {
        (self.executable, self.leading) = (executable, leading)
    }

    /// Runs Python with these arguments and waits for its end; its words are shown only if it fails.
    func run(_ arguments: [String]) throws(ModelHubError) {
        let process = Process()
        process.executableURL = executable
        process.arguments = leading + arguments
        process.standardInput = FileHandle.nullDevice
        let words = Pipe()
        process.standardOutput = words
        process.standardError = words
        let command = "python3 \(arguments.joined(separator: " "))"
        do { try process.run() } catch {
            throw .pythonFailed(command: command, reason: error.localizedDescription)
        }
        // Read to the end before waiting: a full pipe would stop the process for good.
        let output = String(decoding: words.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            // pip's and Python's last line is the one that says it.
            let last = output.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }
            throw .pythonFailed(
                command: command,
                reason: last.map(String.init) ?? "it ended with status \(process.terminationStatus)")
        }
    }
}
