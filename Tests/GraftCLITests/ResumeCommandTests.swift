import Foundation
import Testing
import TestSupport

/// `graft train --checkpoint-every` and `--resume`, with the program really ended in between.
@Suite(.serialized) struct ResumeCommandTests {
    private let folder: TemporaryFolder
    private let data, evaluation: URL

    init() throws {
        folder = try TemporaryFolder()
        (data, evaluation) = (folder.appending("train.jsonl"), folder.appending("eval.jsonl"))
        try ResumeCommandTests.rows(32, offset: 0).write(to: data)
        try ResumeCommandTests.rows(16, offset: 5).write(to: evaluation)
    }

    private static func rows(_ count: Int, offset: Int) -> Data {
        let words = [["team", "won", "match", "goal", "coach"], ["shares", "bank", "fell", "market", "profit"]]
        let lines = (offset..<offset + count).map { index in
            let text = (0..<3 + index % 5).map { words[index % 2][(index * 7 + $0 * (1 + index % 3)) % 5] }
            return #"{"text":"the \#(text.joined(separator: " "))","label":"\#(index % 2 == 0 ? "sport" : "money")"}"#
        }
        return Data((lines.joined(separator: "\n") + "\n").utf8)
    }

    private func words(_ output: String, _ more: String...) -> [String] {
        [
            "train", "--model", TinyEncoder.folder.relativePath, "--train", data.relativePath, "--eval",
            evaluation.relativePath, "--output", folder.appending(output).relativePath, "--objective",
            "classification", "--epochs", "16", "--batch-size", "4", "--quiet", "--checkpoint-every", "1",
        ] + more
    }

    private func checkpoint(_ output: String) -> URL { folder.appending(output + ".checkpoint.safetensors") }

    private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.relativePath) }

    /// Starts the program, and ends it by a signal as soon as it has written a checkpoint.
    private func interrupt(_ words: [String], _ checkpoint: URL, by signal: Int32) throws -> Program.Run {
        let path = checkpoint.relativePath
        return try Program.run(words) { process in
            while process.isRunning, !FileManager.default.fileExists(atPath: path) { usleep(1000) }
            kill(process.processIdentifier, signal)
        }
    }

    /// The files of an adapter folder but for those that tell times, with the folder's own name taken out of the command that
    /// made it.
    private func files(_ output: String) throws -> [String: Data] {
        let url = folder.appending(output)
        var files: [String: Data] = [:]
        let timed = ["metrics.jsonl", "report.html"]
        for name in try FileManager.default.contentsOfDirectory(atPath: url.relativePath) where !timed.contains(name) {
            let bytes = try Data(contentsOf: url.appending(path: name))
            let isCard = name == "README.md"
            files[name] =
                isCard ? Data(String(decoding: bytes, as: UTF8.self).replacing(output, with: "OUTPUT").utf8) : bytes
        }
        return files
    }

    @Test(arguments: [SIGKILL, SIGINT])
    func aRunThatWasEndedGoesOnToTheSameFolder(signal: Int32) throws {
        let whole = try Program.run(words("whole", "--threads", "2"))
        #expect(whole.code == 0, "\(whole.errors)")
        #expect(!exists(checkpoint("whole")), "a finished run removes its checkpoint")

        let first = try interrupt(words("parts", "--threads", "2"), checkpoint("parts"), by: signal)
        try #require(exists(checkpoint("parts")), "the run ended before it was interrupted: \(first.errors)")
        if signal == SIGINT {
            #expect(first.code == 0 && exists(folder.appending("parts")))
            #expect(first.errors.contains("the same command with --resume goes on from there"), "\(first.errors)")
            #expect(try files("parts") != files("whole"))
        } else {
            #expect(!exists(folder.appending("parts")))
        }
        let second = try Program.run(words("parts", "--threads", "2", "--resume"))
        #expect(second.code == 0, "\(second.errors)")
        #expect(try files("parts") == files("whole"))
        #expect(!exists(checkpoint("parts")))
    }

    @Test func resumingWithoutACheckpointBeginsAtTheStartAndIsDoneOnce() throws {
        let first = try Program.run(words("parts", "--resume"))
        #expect(first.code == 0, "\(first.errors)")
        #expect(first.errors.contains("note: there was no checkpoint at "), "\(first.errors)")
        let files = try files("parts")
        let again = try Program.run(words("parts", "--resume"))
        #expect(again.code == 0 && again.errors.contains("this run has finished: "), "\(again.errors)")
        #expect(try self.files("parts") == files)
    }

    @Test func resumingIsRefusedWithOtherOptions() throws {
        _ = try interrupt(words("parts"), checkpoint("parts"), by: SIGKILL)
        let other = try Program.run(words("parts", "--resume", "--seed", "3"))
        #expect(other.code == 1)
        #expect(
            other.errors.contains("is the checkpoint of another run: seed is 0 there, 3 here; "),
            "\(other.errors)")
        #expect(exists(checkpoint("parts")))

        let anew = try Program.run(words("parts"))
        #expect(anew.code == 0)
        #expect(anew.errors.contains("this run starts anew and replaces it"), "\(anew.errors)")
        #expect(!exists(checkpoint("parts")))
    }
}
