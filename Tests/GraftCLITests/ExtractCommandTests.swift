import Foundation
import Testing

@Suite struct ExtractCommandTests {
    /// A merged model, which is as one that was fine-tuned whole.
    private func place() throws -> Workplace {
        let place = try Workplace.withAdapter()
        let run = try place.graft("merge", "--model", "base", "--adapter", "adapter", "--output", "tuned")
        #expect(run.code == 0, "\(run.errors)")
        return place
    }

    @Test func findsTheAdapterThatWasMergedWithItsHead() throws {
        let place = try place()
        let run = try place.graft(
            "extract", "--base", "base", "--tuned", "tuned", "--rank", "8", "--output", "found", "--json")
        #expect(run.code == 0, "\(run.errors)")
        let report = try #require(try run.objects().first)
        #expect(try #require(report["energy_kept"] as? Double) > 0.999999)
        #expect(try #require(report["embedding_difference"] as? Double) < 1e-4)
        #expect(try #require(report["probability_difference"] as? Double) < 1e-4)
        #expect((report["others"] as? [Any])?.isEmpty == true)
        #expect(try place.bytes("found/head.safetensors") == place.bytes("adapter/head.safetensors"))
        let adapted = try place.graft(
            "predict", "--model", "base", "--adapter", "adapter", "--input", "train.jsonl", "--precision", "float32")
        let found = try place.graft(
            "predict", "--model", "base", "--adapter", "found", "--input", "train.jsonl", "--precision", "float32")
        #expect(try found.objects().map { $0["label"] as? String } == adapted.objects().map { $0["label"] as? String })
    }

    @Test func saysWhatEachMapKeeps() throws {
        let place = try place()
        let run = try place.graft(
            "extract", "--base", "base", "--tuned", "tuned", "--energy", "0.8", "--output", "found")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.lines.first == "map                              rank   energy kept")
        #expect(run.lines.contains { $0.hasPrefix("layer.0.query") })
        #expect(run.lines.last == "wrote found")
    }

    @Test func aModelThatIsTheBaseIsRefused() throws {
        let place = try Workplace()
        let run = try place.graft("extract", "--base", "base", "--tuned", "base", "--rank", "2", "--output", "found")
        #expect(run.code == 1)
        #expect(run.errors.contains("nothing to extract"))
        #expect(!place.exists("found"))
    }

    @Test(arguments: [[], ["--rank", "3", "--energy", "0.5"]])
    func theSizeIsSaidOnce(words: [String]) throws {
        let place = try Workplace()
        let run = try place.run(["extract", "--base", "base", "--tuned", "tuned", "--output", "found"] + words)
        #expect(run.code == 2)
        #expect(run.errors.contains("--rank or --energy says; give one of them"))
    }
}
