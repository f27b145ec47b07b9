import Foundation
import Safetensors
import Testing

@Suite struct ConvertCommandTests {
    private func convert(_ place: Workplace, _ adapter: String, _ library: String, _ output: String) throws
        -> Program.Run
    {
        try Program.run(
            ["convert", adapter, "--model", "base", "--to", library, "--output", output], in: place[""])
    }

    @Test func anAdapterGoesToTheOtherLibraryAndBack() throws {
        let place = try Workplace.withAdapter()
        let there = try convert(place, "adapter", "adapterhub", "hub")
        #expect(there.code == 0, "\(there.errors)")
        #expect(there.lines.first == "parity: old and new adapter compared on 12 sample texts")
        #expect(there.lines.last == "wrote hub")
        let back = try convert(place, "hub", "peft", "again")
        #expect(back.code == 0, "\(back.errors)")
        let (old, new) = (
            try SafetensorsFile(contentsOf: place["adapter/adapter_model.safetensors"]),
            try SafetensorsFile(contentsOf: place["again/adapter_model.safetensors"])
        )
        #expect(old.names == new.names)
        for name in old.names {
            #expect(try old.tensor(named: name).floats() == new.tensor(named: name).floats(), "\(name)")
        }
        let answers = try ["adapter", "hub", "again"].map { adapter in
            // A task is called as its folder.
            try place.graft("predict", "--model", "base", "--adapter", adapter, "--input", "train.jsonl").lines
                .map { $0.replacing("\"task\":\"\(adapter)\"", with: "") }
        }
        #expect(answers[0] == answers[1] && answers[0] == answers[2])
    }

    @Test func whatALibraryDoesNotHaveIsRefusedAndNothingIsWritten() throws {
        let place = try Workplace.withAdapter()
        let trained = try place.graft(
            "train", "--model", "base", "--train", "train.jsonl", "--output", "bottleneck", "--method", "pfeiffer",
            "--epochs", "1", "--quiet")
        #expect(trained.code == 0, "\(trained.errors)")
        let run = try convert(place, "bottleneck", "peft", "peft")
        #expect(run.code == 1)
        #expect(run.errors.contains("it has no method 'pfeiffer'"))
        #expect(!FileManager.default.fileExists(atPath: place["peft"].path(percentEncoded: false)))
    }
}
