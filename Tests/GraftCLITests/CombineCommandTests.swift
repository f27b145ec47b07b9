import Foundation
import Safetensors
import Testing

@Suite struct CombineCommandTests {
    /// The trained adapter, and another one on the same base.
    private func place() throws -> Workplace {
        let place = try Workplace.withAdapter()
        let run = try place.train(
            to: "other", "--epochs", "2", "--seed", "5", "--rank", "4", "--targets", "value,output")
        #expect(run.code == 0, "\(run.errors)")
        return place
    }

    @Test func oneAdapterComesOutAsItIs() throws {
        let place = try Workplace.withAdapter()
        let run = try place.graft(
            "combine", "--model", "base", "--adapter", "adapter=1", "--output", "same", "--method", "ties")
        #expect(run.code == 0, "\(run.errors)")
        for name in ["adapter_model.safetensors", "adapter_config.json", "head.safetensors", "head_config.json"] {
            #expect(try place.bytes("same/\(name)") == place.bytes("adapter/\(name)"), "\(name)")
        }
    }

    /// What is no change of weights can be combined with nothing, but it is itself.
    @Test(arguments: ["pfeiffer", "prefix", "prompt", "loreft", "ia3", "dora"])
    func oneAdapterOfAnyMethodComesOutAsItIs(method: String) throws {
        let place = try Workplace()
        let trained = try place.train(to: "adapter", "--method", method, "--epochs", "1", "--quiet")
        #expect(trained.code == 0, "\(trained.errors)")
        let run = try place.graft("combine", "--model", "base", "--adapter", "adapter", "--output", "same")
        #expect(run.code == 0, "\(run.errors)")
        let (old, new) = (try place.snapshot(of: "adapter"), try place.snapshot(of: "same"))
        let names = old.keys.filter { $0.hasPrefix("adapter") || $0.hasPrefix("head") }.sorted()
        #expect(names.count == 4)
        for name in names { #expect(new[name] == old[name], "\(name)") }
    }

    @Test func aFolderWhoseNameEndsLikeAWeightIsThatFolder() throws {
        let place = try Workplace.withAdapter()
        try FileManager.default.copyItem(at: place["adapter"], to: place["run=0.5"])
        let run = try place.graft("combine", "--model", "base", "--adapter", "run=0.5", "--output", "same", "--json")
        #expect(run.code == 0, "\(run.errors)")
        let parts = try #require(try run.objects().first?["adapters"] as? [[String: Any]])
        #expect(parts.first?["weight"] as? Double == 1)
        let half = try place.graft("combine", "--model", "base", "--adapter", "run=0.5=0.25", "--output", "half")
        #expect(half.code == 0, "\(half.errors)")
    }

    @Test func aSumIsTheExactChangeOfWeights() throws {
        let place = try place()
        let run = try place.graft(
            "combine", "--model", "base", "--adapter", "adapter=0.7", "--adapter", "other=-0.3", "--head", "adapter",
            "--output", "both", "--json")
        #expect(run.code == 0, "\(run.errors)")
        let report = try #require(try run.objects().first)
        #expect(try #require(report["relative_error"] as? Double) < 1e-6)
        #expect(try #require(report["embedding_difference"] as? Double) < 1e-4)
        #expect(try #require(report["probability_difference"] as? Double) < 1e-4)
        #expect((report["maps"] as? [Any])?.count == 9)
        #expect(try place.bytes("both/head.safetensors") == place.bytes("adapter/head.safetensors"))
        #expect(try place.graft("predict", "--model", "base", "--adapter", "both", "a goal").code == 0)
        let inspected = try place.graft("inspect", "both")
        #expect(inspected.code == 0, "\(inspected.errors)")
    }

    @Test(arguments: ["svd", "linear", "ties", "dare", "dare-ties", "magnitude"])
    func everyMethodWritesAnAdapter(method: String) throws {
        let place = try place()
        let run = try place.graft(
            "combine", "--model", "base", "--adapter", "adapter", "--adapter", "other=0.5", "--head", "none",
            "--method", method, "--output", "both")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.lines.last == "wrote both")
        #expect(!place.exists("both/head_config.json"))
        #expect(try place.graft("embed", "--model", "base", "--adapter", "both", "a goal").code == 0)
    }

    @Test func headsThatDifferAreChosenOrAveraged() throws {
        let place = try place()
        let words = ["combine", "--model", "base", "--adapter", "adapter", "--adapter", "other", "--output", "both"]
        let undecided = try place.run(words)
        #expect(undecided.code == 1)
        #expect(undecided.errors.contains("have different heads; choose one by its name, the average, or none"))
        #expect(!place.exists("both"))
        let average = try place.run(words + ["--head", "average"])
        #expect(average.code == 0, "\(average.errors)")
        let heads = try ["adapter", "other", "both"].map {
            try SafetensorsFile(contentsOf: place["\($0)/head.safetensors"]).tensor(named: "bias").floats()
        }
        for index in heads[0].indices { #expect(abs((heads[0][index] + heads[1][index]) / 2 - heads[2][index]) < 1e-6) }
        let stranger = try place.run(words + ["--head", "third"])
        #expect(stranger.code == 1)
        #expect(stranger.errors.contains("'third' has no head to take"))
    }

    @Test func theBaseIsTheOneThatTheAdapterNames() throws {
        let place = try Workplace.withAdapter()
        // The adapter calls its base by the name of its folder.
        let run = try place.graft("combine", "--adapter", "adapter=-1", "--output", "negative")
        #expect(run.code == 0, "\(run.errors)")
    }

    @Test(arguments: [
        (["--density", "0.5"], "--density says nothing with --method cat"),
        (["--rank", "3"], "--method cat has a rank of its own"),
        (["--method", "svd", "--rank", "3", "--energy", "0.9"], "--rank and --energy both say"),
        (["--adapter", "adapter=2"], "the adapter adapter is given twice"),
        (
            ["--adapter", "other=much"],
            "--adapter is 'other=much', expected an adapter folder, or one with a weight, such as DIR=0.5"
        ),
    ])
    func wrongLinesAreRefused(words: [String], refusal: String) throws {
        let place = try Workplace()
        let run = try place.run(["combine", "--adapter", "adapter", "--output", "both"] + words)
        #expect(run.code == 2)
        #expect(run.errors.contains(refusal), "\(run.errors)")
    }
}
