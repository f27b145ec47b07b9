import Foundation
import Safetensors
import TestSupport

/// A temporary folder as a user has it: the tiny encoder as `base`, labelled texts, and what commands write beside them.
final class Workplace {
    private let folder: TemporaryFolder

    /// A folder with `base`, `train.jsonl`, `eval.jsonl`.
    init() throws {
        folder = try TemporaryFolder()
        try FileManager.default.copyItem(at: TinyEncoder.folder, to: self["base"])
        try write("train.jsonl", Workplace.jsonLines(Workplace.trainingTexts))
        try write("eval.jsonl", Workplace.jsonLines(Workplace.evaluationTexts))
    }

    /// The same with an adapter that was trained on `base`, as `adapter`.
    static func withAdapter() throws -> Workplace {
        let place = try Workplace()
        try FileManager.default.copyItem(at: try trained.get()["adapter"], to: place["adapter"])
        return place
    }

    /// Trained once for all tests.
    nonisolated(unsafe) private static let trained = Result {
        let place = try Workplace()
        let run = try place.train(to: "adapter", "--eval", "eval.jsonl", "--epochs", "5")
        guard run.code == 0 else { throw CocoaError(.executableLoad, userInfo: ["errors": run.errors]) }
        return place
    }

    /// A path in it.
    subscript(path: String) -> URL { folder.appending(path) }

    /// Runs `graft` in it.
    func graft(
        _ words: String..., input: String = "", environment: [String: String] = [:], fileBlocks: Int? = nil
    ) throws -> Program.Run {
        try Program.run(words, input: input, in: folder.url, environment: environment, fileBlocks: fileBlocks)
    }

    /// Runs `graft` in it, with words that are a list already.
    func run(_ words: [String]) throws -> Program.Run { try Program.run(words, in: folder.url) }

    /// Runs `graft` in it, and kills it as soon as there is a file.
    func killWhenThereIs(_ path: String, _ words: [String]) throws {
        let file = self[path].path(percentEncoded: false)
        _ = try Program.run(words, in: folder.url) { process in
            while process.isRunning, !FileManager.default.fileExists(atPath: file) { usleep(500) }
            kill(process.processIdentifier, SIGKILL)
        }
    }

    /// Runs `graft train` on the base and the training texts.
    func train(to output: String, _ words: String..., interruptionAfter trigger: String? = nil) throws -> Program.Run {
        let line = ["train", "--model", "base", "--train", "train.jsonl", "--output", output, "--batch-size", "8"]
        return try Program.run(
            line + ["--learning-rate", "1e-2"] + words, in: folder.url, interruptionAfter: trigger)
    }

    /// Writes a text file.
    func write(_ path: String, _ text: String) throws { try Data(text.utf8).write(to: self[path]) }

    /// The bytes of a file.
    func bytes(_ path: String) throws -> Data { try Data(contentsOf: self[path]) }

    /// Puts the files of a fixture folder into a folder here, over those of the same names.
    func lay(_ fixture: String, over path: String) throws {
        let files = try Fixtures.copyOfTinyEncoder(under: fixture)
        try remove(path)
        try FileManager.default.copyItem(at: files.url, to: self[path])
    }

    /// Copies a fixture folder.
    func copy(fixture: String, to path: String) throws {
        try FileManager.default.copyItem(at: Fixtures.url(fixture), to: self[path])
    }

    /// Changes a text file.
    func replace(_ old: String, with new: String, in path: String) throws {
        let text = String(decoding: try bytes(path), as: UTF8.self)
        precondition(text.contains(old), "\(path) holds no \(old)")
        try write(path, text.replacing(old, with: new))
    }

    /// Cuts a file to its first bytes.
    func cut(_ path: String, to count: Int) throws { try bytes(path).prefix(count).write(to: self[path]) }

    /// Removes a file or folder.
    func remove(_ path: String) throws { try FileManager.default.removeItem(at: self[path]) }

    /// Whether there is such a file or folder.
    func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: self[path].path(percentEncoded: false))
    }

    /// The names in a folder, sorted.
    func names(in path: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self[path].path(percentEncoded: false)).sorted()
    }

    /// The bytes of all files below a folder, by path.
    func snapshot(of path: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: self[path].path(percentEncoded: false)) {
            files[name] = try? Data(contentsOf: self[path].appending(path: name))
        }
        return files
    }

    /// Writes a safetensors file again with `change` made to its tensors: name, shape, numbers.
    func rewrite(
        _ path: String, _ change: (_ name: String, _ shape: [Int], _ values: [Float]) -> (String, [Int], [Float])?
    ) throws {
        let file = try SafetensorsFile(contentsOf: self[path])
        var writer = SafetensorsWriter(metadata: file.metadata)
        for name in file.names {
            let tensor = try file.tensor(named: name)
            guard let (name, shape, values) = change(name, tensor.shape, try tensor.floats()) else { continue }
            writer.add(name, shape: shape, floats: values)
        }
        try writer.write(to: self[path])
    }
}

extension Workplace {
    /// Texts that the tiny vocabulary spells in whole words.
    static let trainingTexts: [(text: String, label: String)] = {
        let sport = [
            "the team won the match", "a goal by the new player", "the coach and the team last season",
            "they won the game today", "the player was good in the match",
        ]
        let business = [
            "shares fell and the bank lost", "the market rose with profit", "the bank and the price of money",
            "sales rose last year", "shares and money in the market",
        ]
        let endings = ["", " today", " last year", " at home"]
        return endings.flatMap { ending in
            zip(sport, business).flatMap { [($0 + ending, "sport"), ($1 + ending, "business")] }
        }
    }()

    static let evaluationTexts = [
        (text: "the coach won the game", label: "sport"), ("the price of shares fell", "business"),
        ("a good goal for the team", "sport"), ("money and profit at the bank", "business"),
        ("the new season for the player", "sport"), ("the market fell today", "business"),
    ]

    static func jsonLines(_ texts: [(text: String, label: String)]) -> String {
        texts.map { "{\"text\": \"\($0.text)\", \"label\": \"\($0.label)\"}\n" }.joined()
    }
}
