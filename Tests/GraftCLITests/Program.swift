import Foundation

/// The built `graft`, run as a user runs it.
enum Program {
    /// How a run ended, and what it printed.
    struct Run {
        let code: Int32
        let output, errors: String

        /// The lines of standard output.
        var lines: [String] { output.split(separator: "\n").map(String.init) }

        /// The lines of standard output as JSON objects.
        func objects() throws -> [[String: Any]] {
            try lines.map { line in
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            }
        }
    }

    /// It is built beside the test bundle, or where there is no bundle, beside the program that runs the tests.
    private static let url: URL = {
        let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
        let tests = bundle ?? URL(filePath: CommandLine.arguments[0])
        return tests.deletingLastPathComponent().appending(path: "graft")
    }()

    static func run(_ words: String..., input: String = "") throws -> Run { try run(words, input: input) }

    /// - Parameters:
    ///   - folder: where it runs; nil: where the tests run.
    ///   - environment: variables beside those of the tests.
    ///   - fileBlocks: the largest file that it may write, in blocks of 512 bytes; nil: any.
    ///   - interruptionAfter: it is sent SIGINT once standard error holds this text; nil: never.
    ///   - whileRunning: called once it has started.
    static func run(
        _ words: [String], input: String = "", in folder: URL? = nil, environment: [String: String] = [:],
        fileBlocks: Int? = nil, interruptionAfter trigger: String? = nil, whileRunning: (Process) -> Void = { _ in }
    ) throws -> Run {
        let process = Process()
        process.executableURL = url
        process.arguments = words
        if let fileBlocks {
            // A full disk without one: the shell's limit is the system's RLIMIT_FSIZE.
            process.executableURL = URL(filePath: "/bin/sh")
            let script = "ulimit -f \(fileBlocks); exec \"$0\" \"$@\""
            process.arguments = ["-c", script, url.path(percentEncoded: false)] + words
        }
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (inputPipe, outputPipe, errorPipe) = (Pipe(), Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (inputPipe, outputPipe, errorPipe)
        try process.run()
        whileRunning(process)
        // Errors are read on another thread: a pipe that nobody reads stops its writer.
        nonisolated(unsafe) var errorBytes = Data()
        let errors = errorPipe.fileHandleForReading
        let group = DispatchGroup()
        DispatchQueue(label: "errors").async(group: group) {
            var isInterrupted = trigger == nil
            while case let bytes = errors.availableData, !bytes.isEmpty {
                errorBytes += bytes
                if let trigger, !isInterrupted, String(decoding: errorBytes, as: UTF8.self).contains(trigger) {
                    isInterrupted = true
                    process.interrupt()
                }
            }
        }
        try inputPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try inputPipe.fileHandleForWriting.close()
        let outputBytes = outputPipe.fileHandleForReading.readDataToEndOfFile()
        group.wait()
        process.waitUntilExit()
        return Run(
            code: process.terminationStatus, output: String(decoding: outputBytes, as: UTF8.self),
            errors: String(decoding: errorBytes, as: UTF8.self))
    }
}
