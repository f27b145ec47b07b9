import FineTuning
import Foundation
import Testing

@Suite struct DatasetTests {
    @Test func readsPlainTextLineByLineAndKeepsEmptyLines() throws {
        let texts = ["One two", "", "Drei"]
        #expect(try DatasetFile("data.txt", "One two\r\n\nDrei\n").read(labels: .ignored).examples.map(\.text) == texts)
        let piped = try Dataset(lines: Data("One two\n\nDrei".utf8))
        #expect(piped.examples.map(\.text) == texts)
        #expect(piped.examples.map(\.line) == [1, 2, 3])
        #expect(piped.source == "standard input")
    }

    @Test func refusesPlainTextThatIsEmptyOrNotUTF8OrNeedsLabels() throws {
        #expect(
            try DatasetFile("data.txt", "x\n").refusal()
                == "data.txt: plain text has no labels; use .jsonl, .csv, .tsv or .conll")
        #expect(throws: DataError.self) { try Dataset(lines: Data()) }
        do {
            _ = try Dataset(lines: Data("x\n".utf8) + [0xc3])
            Issue.record("half a letter was read")
        } catch {
            #expect(
                error.description
                    == "standard input:2: the text is not UTF-8; convert the file, for example with iconv")
        }
    }

    @Test func refusesUnknownExtensionsAndMissingFiles() throws {
        let extensions = "data files end in .jsonl, .csv, .tsv, .conll, .txt"
        #expect(
            try DatasetFile("data.json", "{}").refusal() == "data.json: the extension .json is not known; \(extensions)"
        )
        #expect(try DatasetFile("data", "{}").refusal() == "data: the file has no extension; \(extensions)")
        do {
            _ = try Dataset(contentsOf: URL(filePath: "/nowhere/data.jsonl"))
            Issue.record("a file that is not there was read")
        } catch {
            #expect(error.description == "could not open /nowhere/data.jsonl: No such file or directory")
        }
    }

    @Test(arguments: [
        ([Example("x", label: .name("a"))], Objective.classification),
        ([Example("x", label: .number(0)), Example("y", label: .number(4))], .classification),
        ([Example("x", label: .number(0)), Example("y", label: .number(4.5))], .regression),
        ([Example("x", label: .name("1")), Example("y", label: .name("4.5"))], .regression),
        ([Example("x", label: .name("4.5")), Example("y", label: .name("high"))], .classification),
        ([Example("x", label: .name("0.5")), Example("y", label: .name("nan"))], .classification),
        ([Example("x", pairedWith: "z", label: .number(0.25))], .similarity),
        ([Example("x", pairedWith: "z", label: .number(1))], .classification),
        ([Example("x", pairedWith: "z")], .similarity),
        ([Example("x", pairedWith: "z", negative: "w")], .similarity),
        ([Example("x", label: .names([]))], .multilabel),
        ([Example(tokens: ["x"], tags: ["O"])], .tagging),
    ])
    func guessesTheObjectiveFromTheLabels(examples: [Example], objective: Objective) {
        #expect(Dataset(examples).guessedObjective == objective)
    }

    @Test func guessesNothingWithoutLabels() {
        #expect(Dataset([Example("x")]).guessedObjective == nil)
    }

    @Test func countsTheExamplesOfEachLabel() {
        let lists = Dataset([Example("x", label: .names(["a", "b"])), Example("y", label: .names(["b"]))])
        #expect(lists.labelCounts == ["a": 1, "b": 2])
        #expect(Dataset([Example("x", label: .number(2)), Example("y", label: .number(2))]).labelCounts == ["2": 2])
    }

    @Test func shufflesByTheSeedAloneAndLosesNothing() {
        let data = Dataset((0..<50).map { Example("\($0)", line: $0 + 1) })
        let shuffled = data.shuffled(seed: 7)
        #expect(shuffled.examples == data.shuffled(seed: 7).examples)
        #expect(shuffled.examples != data.shuffled(seed: 8).examples)
        #expect(shuffled.examples != data.examples)
        #expect(shuffled.examples.map(\.line).sorted() == Array(1...50))
        #expect(shuffled.prefix(3).examples == Array(shuffled.examples[..<3]))
        #expect(data.prefix(80).count == 50)
        #expect(data.prefix(80).source == data.source)
    }
}
