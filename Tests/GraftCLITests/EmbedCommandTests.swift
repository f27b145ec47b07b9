import Foundation
import Testing

@Suite struct EmbedCommandTests {
    private func embeddings(_ run: Program.Run) throws -> [[Double]] {
        #expect(run.code == 0, "\(run.errors)")
        return try run.objects().map { $0["embedding"] as? [Double] ?? [] }
    }

    @Test func printsVectorsOfUnitLengthInTheOrderOfTheTexts() throws {
        let place = try Workplace.withAdapter()
        let run = try place.graft("embed", "--model", "base", "a goal", "the bank", "")
        #expect(run.errors == "")
        #expect(try run.objects().map { $0["text"] as? String } == ["a goal", "the bank", ""])
        #expect(run.lines.allSatisfy { $0.hasPrefix("{\"text\":\"") && $0.contains("\",\"embedding\":[") })
        for embedding in try embeddings(run) {
            #expect(embedding.count == 32)
            #expect(abs(embedding.reduce(0) { $0 + $1 * $1 }.squareRoot() - 1) < 1e-6)
        }
        let alone = try place.graft("embed", "--model", "base", "the bank")
        #expect(alone.lines == [run.lines[1]], "texts do not change each other")
    }

    @Test func goesThroughTheAdapter() throws {
        let place = try Workplace.withAdapter()
        let base = try embeddings(place.graft("embed", "--model", "base", "a goal"))[0]
        let adapted = try embeddings(place.graft("embed", "--model", "base", "--adapter", "adapter", "a goal"))[0]
        #expect(abs(adapted.reduce(0) { $0 + $1 * $1 }.squareRoot() - 1) < 1e-6)
        #expect(zip(base, adapted).reduce(0) { max($0, abs($1.0 - $1.1)) } > 1e-3)
    }

    @Test func readsFilesAndStandardInput() throws {
        let place = try Workplace()
        let line = try place.graft("embed", "--model", "base", "a goal", "the bank")
        let piped = try place.graft("embed", "--model", "base", "--input", "-", input: "a goal\nthe bank\n")
        #expect(piped.output == line.output)
        let file = try place.graft("embed", "--model", "base", "--input", "eval.jsonl", "--quiet")
        #expect(file.lines.count == Workplace.evaluationTexts.count)
        let both = try place.graft("embed", "--model", "base", "--input", "eval.jsonl", "a goal")
        #expect(both.code == 2)
        #expect(both.errors.hasPrefix("graft embed: there is an --input and the text 'a goal'; give one of them\n"))
        let missing = try place.graft("embed", "--model", "base", "--input", "no.txt")
        #expect(missing.code == 1)
        #expect(missing.errors.contains("no.txt: No such file or directory"))
    }
}
