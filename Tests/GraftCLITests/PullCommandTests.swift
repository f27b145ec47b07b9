import Foundation
import TestSupport
import Testing

/// `graft pull`, and `--model` with a Hub id, on a cache as Python lays it out; nothing here asks anybody.
@Suite struct PullCommandTests {
    private static let commit = String(repeating: "a1", count: 20)

    /// A place whose `hub` is a cache with the tiny encoder as `tiny/encoder`, at the commit that `v1` stands for.
    private func place() throws -> (Workplace, environment: [String: String]) {
        let place = try Workplace()
        let repository = place["hub/models--tiny--encoder"]
        for folder in ["blobs", "refs", "snapshots/\(Self.commit)"] {
            try FileManager.default.createDirectory(
                at: repository.appending(path: folder), withIntermediateDirectories: true)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: place["base"].path(percentEncoded: false)) {
            try FileManager.default.moveItem(
                at: place["base/\(name)"], to: repository.appending(path: "blobs/of-\(name)"))
            try FileManager.default.createSymbolicLink(
                atPath: repository.appending(path: "snapshots/\(Self.commit)/\(name)").path(percentEncoded: false),
                withDestinationPath: "../../blobs/of-\(name)")
        }
        try place.write("hub/models--tiny--encoder/refs/v1", Self.commit)
        let environment = [
            "HF_HUB_CACHE": place["hub"].path(percentEncoded: false), "HF_HUB_OFFLINE": "1",
            "GRAFT_CACHE": place["graft"].path(percentEncoded: false),
        ]
        return (place, environment)
    }

    @Test func offlineItPrintsWhatIsInTheCacheOrRefuses() throws {
        let (place, environment) = try place()
        for words in [["tiny/encoder@v1"], ["tiny/encoder", "--revision", "v1"], ["tiny/encoder@\(Self.commit)"]] {
            let run = try Program.run(["pull"] + words, in: place["."], environment: environment)
            #expect(run.code == 0)
            #expect(run.lines.count == 1)
            #expect(run.output.hasSuffix("hub/models--tiny--encoder/snapshots/\(Self.commit)/\n"), "\(run.output)")
            #expect(run.errors.contains("is commit \(Self.commit)"))
        }
        let other = try place.graft("pull", "tiny/encoder", environment: environment)
        #expect(other.code == 1)
        #expect(other.output == "")
        #expect(other.errors.hasPrefix("graft pull: tiny/encoder is not here (searched "))
        #expect(other.errors.contains("HF_HUB_OFFLINE"))
    }

    @Test func oneRevisionIsNamedOnce() throws {
        let (place, environment) = try place()
        let two = try place.graft("pull", "tiny/encoder@v1", "--revision", "v2", environment: environment)
        #expect(two.code == 2)
        #expect(two.errors.contains("'tiny/encoder@v1' names one revision and --revision v2 another"))
        let same = try place.graft("pull", "tiny/encoder@v1", "--revision", "v1", environment: environment)
        #expect(same.code == 0)
    }

    @Test func everyCommandFindsAModelByIdAndRevision() throws {
        let (place, environment) = try place()
        let inspected = try place.graft("inspect", "tiny/encoder@v1", "--json", environment: environment)
        #expect(try inspected.objects().first?["kind"] as? String == "model")
        let byTag = try place.graft("embed", "--model", "tiny/encoder@v1", "a goal", environment: environment)
        let byCommit = try place.graft(
            "embed", "--model", "tiny/encoder@\(Self.commit)", "a goal", environment: environment)
        #expect(byTag.code == 0)
        #expect(byTag.output == byCommit.output)
        let missing = try place.graft("embed", "--model", "tiny/encoder", "a goal", environment: environment)
        #expect(missing.code == 1)
        #expect(missing.errors.contains("fetch it with: graft pull tiny/encoder"))
    }

    @Test func anAdapterNamesItsBaseWithoutTheRevision() throws {
        let (place, environment) = try place()
        let run = try place.graft(
            "train", "--model", "tiny/encoder@v1", "--train", "train.jsonl", "--output", "adapter", "--epochs", "1",
            environment: environment)
        #expect(run.code == 0, "\(run.errors)")
        let record = try JSONSerialization.jsonObject(with: try place.bytes("adapter/adapter_config.json"))
        #expect((record as? [String: Any])?["base_model_name_or_path"] as? String == "tiny/encoder")
        let merged = try place.graft(
            "merge", "--model", "tiny/encoder@v1", "--adapter", "adapter", "--output", "merged",
            environment: environment)
        #expect(merged.code == 0, "\(merged.errors)")
        // What is copied along are files, not links into the cache.
        let config = place["merged/config.json"].path(percentEncoded: false)
        #expect(throws: (any Error).self) { try FileManager.default.destinationOfSymbolicLink(atPath: config) }
        #expect(try place.graft("inspect", "merged").code == 0)
    }
}
