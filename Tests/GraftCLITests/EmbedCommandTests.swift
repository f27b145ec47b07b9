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

    @Test func putsPromptsBeforeTheTexts() throws {
        let place = try Workplace()
        try place.lay("pooling/prompts", over: "base")
        let standard = try place.graft("embed", "--model", "base", "a goal")
        #expect(
            standard.errors == """
                note: the model's default prompt 'query' stands before each text: "The good player: " (--prompt "" leaves it out)

                """)
        #expect(try standard.objects().first?["text"] as? String == "a goal")
        let named = try place.graft("embed", "--model", "base", "--prompt-name", "query", "a goal")
        #expect(named.errors == "")
        #expect(named.output == standard.output)
        let given = try place.graft("embed", "--model", "base", "--prompt", "The good player: ", "a goal")
        #expect(given.output == standard.output)
        let without = try place.graft("embed", "--model", "base", "--prompt", "", "a goal")
        #expect(without.errors == "")
        #expect(without.output != standard.output)
        let document = try place.graft("embed", "--model", "base", "--prompt-name=document", "a goal")
        #expect(document.output == without.output)
        let quiet = try place.graft("embed", "--model", "base", "--quiet", "a goal")
        #expect(quiet.errors == "" && quiet.output == standard.output)
        let unknown = try place.graft("embed", "--model", "base", "--prompt-name", "question", "a goal")
        #expect(unknown.code == 1)
        #expect(
            unknown.errors
                == "graft embed: the model has no prompt 'question'; there is document, passage, query\n")
    }

    @Test func goesThroughAllModules() throws {
        let place = try Workplace()
        try place.lay("pooling/dense", over: "base")
        let run = try place.graft("embed", "--model", "base", "a goal")
        #expect(try embeddings(run).map(\.count) == [20])
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
