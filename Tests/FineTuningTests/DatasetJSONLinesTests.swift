import FineTuning
import Foundation
import Testing

@Suite struct DatasetJSONLinesTests {
    private func examples(
        _ content: String, _ fields: Dataset.Fields = .init(), labels: Dataset.LabelReading = .required
    ) throws -> [Example] {
        try DatasetFile("data.jsonl", content).read(fields, labels: labels).examples
    }

    private func refusal(
        _ content: String, _ fields: Dataset.Fields = .init(), labels: Dataset.LabelReading = .required
    ) throws -> String? {
        try DatasetFile("data.jsonl", content).refusal(fields, labels: labels)
    }

    @Test func readsTextsAndLabelsInOrderAndKeepsLineNumbers() throws {
        let content =
            "\u{feff}{\"text\": \"One\", \"label\": \"a\"}\r\n\r\n  \n{\"label\": \"b\", \"text\": \"Zwei é \\u00e9 \\ud83d\\ude00\"}"
        let expected = [
            Example("One", label: .name("a"), line: 1), Example("Zwei é é 😀", label: .name("b"), line: 4),
        ]
        #expect(try examples(content) == expected)
    }

    @Test func keepsIntegersBooleansAndListsAsTheirText() throws {
        let numbers = try examples(
            "{\"text\": \"x\", \"label\": 3}\n{\"text\": \"y\", \"label\": 0}\n{\"text\": \"z\", \"label\": -2.5}")
        #expect(numbers.map(\.label) == [.number(3), .number(0), .number(-2.5)])
        #expect(numbers.map(\.label?.className) == ["3", "0", "-2.5"])
        let flags = try examples("{\"text\": \"x\", \"label\": true}\n{\"text\": \"y\", \"label\": false}")
        #expect(flags.map(\.label) == [.name("true"), .name("false")])
        let lists = try examples("{\"text\": \"x\", \"labels\": [\"a\", 2]}\n{\"text\": \"y\", \"labels\": []}")
        #expect(lists.map(\.label) == [.names(["a", "2"]), .names([])])
    }

    @Test func readsPairsAndSentencesOfTokens() throws {
        #expect(
            try examples("{\"text\": \"x\", \"text_pair\": \"y\", \"label\": 0.5}")
                == [Example("x", pairedWith: "y", label: .number(0.5))])
        let sentence = try examples("{\"tokens\": [\"New\", \"York\"], \"tags\": [\"B\", \"I\"]}")
        #expect(sentence == [Example(tokens: ["New", "York"], tags: ["B", "I"])])
        #expect(sentence[0].text == "New York")
    }

    @Test func readsTextsThatBelongTogetherWithoutALabel() throws {
        #expect(
            try examples("{\"text\": \"x\", \"text_pair\": \"y\", \"id\": 3}") == [Example("x", pairedWith: "y")])
        let triplet = [Example("x", pairedWith: "y", negative: "z")]
        #expect(try examples("{\"text\": \"x\", \"text_pair\": \"y\", \"negative\": \"z\"}") == triplet)
        #expect(try examples("{\"anchor\": \"x\", \"positive\": \"y\", \"negative\": \"z\"}") == triplet)
        #expect(
            try examples("{\"anchor\": \"x\", \"positive\": \"y\"}", labels: .ignored)
                == [Example("x", pairedWith: "y")])
    }

    @Test func takesTagsFromALineThatAlsoHasItsText() throws {
        let line = "{\"text\": \"New York\", \"tokens\": [\"New\", \"York\"], \"tags\": [\"B\", \"I\"]}"
        #expect(try examples(line) == [Example(tokens: ["New", "York"], tags: ["B", "I"])])
        #expect(try examples(line, labels: .ignored) == [Example("New York")])
    }

    @Test func readsTheFieldsItIsToldToRead() throws {
        let content = "{\"review\": \"x\", \"reply\": \"y\", \"stars\": 4, \"label\": \"no\", \"labels\": [\"no\"]}"
        let fields = Dataset.Fields(text: "review", pair: "reply", label: "stars")
        #expect(try examples(content, fields) == [Example("x", pairedWith: "y", label: .number(4))])
    }

    @Test func passesOverLabelsThatAreNotAskedFor() throws {
        let content = "{\"text\": \"x\"}\n{\"text\": \"y\", \"label\": {\"any\": 1}}\n{\"text\": \"z\", \"label\": 3}"
        #expect(try examples(content, labels: .ignored).map(\.label) == [nil, nil, nil])
    }

    @Test(arguments: [
        ("{\"text\": \"x\", \"label\": \"a\"}\nnot JSON", "data.jsonl:2: this line is not JSON: not JSON"),
        (
            "{\"text\": \"x\", \"label\": \"a\"",
            "data.jsonl:1: this line is not JSON: {\"text\": \"x\", \"label\": \"a\""
        ),
        (
            "\n" + String(repeating: "x", count: 70),
            "data.jsonl:2: this line is not JSON: " + String(repeating: "x", count: 60) + "…"
        ),
        (
            "[1, 2]",
            "data.jsonl:1: this line is a list, expected a JSON object such as {\"text\": …, \"label\": …}"
        ),
        (
            "\"x\"",
            "data.jsonl:1: this line is text, expected a JSON object such as {\"text\": …, \"label\": …}"
        ),
        (
            "{\"texts\": \"x\", \"label\": \"a\"}",
            "data.jsonl:1: there is no 'text'; there is 'label', 'texts' (did you mean 'texts'?)"
        ),
        ("{\"text\": \"x\", \"id\": 1}", "data.jsonl:1: there is no 'label'; there is 'id', 'text'"),
        ("{}", "data.jsonl:1: there is no 'text'; there is nothing"),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\", \"lable\": 1}",
            "data.jsonl:1: there is no 'label'; there is 'lable', 'text', 'text_pair' (did you mean 'lable'?)"
        ),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\", \"score\": 1}",
            "data.jsonl:1: there is no 'label'; there is 'score', 'text', 'text_pair'"
        ),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\", \"label\": null}",
            "data.jsonl:1: 'label' is null, expected a value"
        ),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\", \"negative\": \"z\", \"label\": 1}",
            "data.jsonl:1: there is a negative and a 'label'; a triplet says by itself what belongs together: leave one of"
                + " them out"
        ),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\"}\n{\"text\": \"x\", \"text_pair\": \"y\", \"label\": 1}",
            "data.jsonl:2: there is a label, but none on line 1; label all pairs or none"
        ),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\", \"label\": 1}\n{\"text\": \"x\", \"text_pair\": \"y\"}",
            "data.jsonl:2: there is no label, but one on line 1; label all pairs or none"
        ),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\"}\n{\"text\": \"x\", \"text_pair\": \"y\", \"negative\": \"z\"}",
            "data.jsonl:2: there is a negative, but none on line 1; pairs and triplets do not mix"
        ),
        ("{\"text\": 7, \"label\": \"a\"}", "data.jsonl:1: 'text' is a number, expected text"),
        ("{\"text\": null, \"label\": \"a\"}", "data.jsonl:1: 'text' is null, expected a value"),
        (
            "{\"text\": \"x\", \"text_pair\": [], \"label\": \"a\"}",
            "data.jsonl:1: 'text_pair' is a list, expected text"
        ),
        ("{\"text\": \"x\", \"label\": null}", "data.jsonl:1: 'label' is null, expected a value"),
        (
            "{\"text\": \"x\", \"label\": {}}",
            "data.jsonl:1: 'label' is an object, expected text, a number or a list of names"
        ),
        ("{\"text\": \"x\", \"label\": \"\"}", "data.jsonl:1: 'label' is empty; every example needs a label"),
        ("{\"text\": \"x\", \"labels\": [\"a\", null]}", "data.jsonl:1: 'labels[1]' is null, expected text"),
        (
            "{\"text\": \"x\", \"label\": \"a\", \"labels\": [\"a\"]}",
            "data.jsonl:1: there is a 'label' and a 'labels'; choose one with --label-field"
        ),
        (
            "{\"text\": \"x\", \"label\": \"a\"}\n\n{\"text\": \"x\", \"label\": 1}",
            "data.jsonl:3: the label is a number, but text on line 1; write all labels the same way"
        ),
        (
            "{\"text\": \"x\", \"text_pair\": \"y\", \"label\": \"a\"}\n{\"text\": \"x\", \"label\": \"a\"}",
            "data.jsonl:2: there is no second text, but one on line 1; pairs and single texts do not mix"
        ),
        (
            "{\"tokens\": [\"a\", \"b\"], \"tags\": [\"O\"]}",
            "data.jsonl:1: the numbers of tokens (2) and tags (1) differ"
        ),
        ("{\"tokens\": [], \"tags\": []}", "data.jsonl:1: there are no tokens, expected at least one"),
        ("{\"tokens\": [\"a\"]}", "data.jsonl:1: there is no 'tags'; there is 'tokens'"),
        ("{\"tokens\": \"a\", \"tags\": []}", "data.jsonl:1: 'tokens' is text, expected a list of texts"),
        ("", "data.jsonl: there is no example in it"),
        ("\n \r\n\n", "data.jsonl: there is no example in it"),
    ])
    func refusesByLine(content: String, words: String) throws {
        #expect(try refusal(content) == words)
    }

    @Test func refusesBytesThatAreNotUTF8EvenInAFieldThatIsNotRead() throws {
        var bytes = Data("{\"text\": \"x\", \"label\": \"a\"}\n{\"text\": \"x\", \"label\": \"a\", \"note\": \"".utf8)
        bytes += [0xff, 0xfe]
        bytes += Data("\"}\n".utf8)
        let words = "data.jsonl:2: the text is not UTF-8; convert the file, for example with iconv"
        #expect(try DatasetFile("data.jsonl", bytes: bytes).refusal() == words)
    }

    @Test func errorsCarryTheirPlaceAsData() throws {
        let file = try DatasetFile("data.jsonl", "\n{\"txt\": \"x\"}")
        do {
            _ = try file.read()
            Issue.record("a line without text was read")
        } catch {
            #expect((error.source, error.line, error.column) == ("data.jsonl", 2, nil))
            #expect(error.problem == .missingField("text", present: ["txt"], nearest: "txt"))
        }
    }
}
