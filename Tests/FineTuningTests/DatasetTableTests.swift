import FineTuning
import Foundation
import Testing

@Suite struct DatasetTableTests {
    private func examples(
        _ content: String, name: String = "data.csv", _ fields: Dataset.Fields = .init(),
        labels: Dataset.LabelReading = .required
    ) throws -> [Example] {
        try DatasetFile(name, content).read(fields, labels: labels).examples
    }

    private static let plain = [
        Example("One", label: .name("a"), line: 2), Example("Two", label: .name("b"), line: 3),
    ]

    @Test(arguments: [
        "text,label\nOne,a\nTwo,b\n", "text,label\nOne,a\nTwo,b", "text,label\r\nOne,a\r\nTwo,b\r\n",
        "\u{feff}text,label\nOne,a\nTwo,b\n", "\"text\",\"label\"\n\"One\",\"a\"\n\"Two\",\"b\"",
        "label,id,text\na,1,One\nb,2,Two\n\n", "text,label\nOne,a\r\nTwo,b\r",
    ])
    func readsColumnsByNameWhateverTheLineEnds(content: String) throws {
        #expect(try examples(content) == DatasetTableTests.plain)
    }

    @Test func readsQuotedSeparatorsQuotesAndLineEnds() throws {
        let content = "text,label\n\"a, \"\"b\"\"\r\nc \"\"\"\"\",x\n\"\"\"\",y\n5\" disk,\"z\"\n\"\",w\n"
        let expected = [
            Example("a, \"b\"\r\nc \"\"", label: .name("x"), line: 2), Example("\"", label: .name("y"), line: 4),
            Example("5\" disk", label: .name("z"), line: 5), Example("", label: .name("w"), line: 6),
        ]
        #expect(try examples(content) == expected)
    }

    @Test func readsTabsInTSVAndPairs() throws {
        let content = "text\ttext_pair\tscore\na, b\tc\t0.5\n\"d\te\"\tf\t1\n"
        let expected = [
            Example("a, b", pairedWith: "c", label: .name("0.5"), line: 2),
            Example("d\te", pairedWith: "f", label: .name("1"), line: 3),
        ]
        #expect(try examples(content, name: "data.TSV", .init(label: "score")) == expected)
    }

    @Test func readsPairsAndTripletsThatBelongTogether() throws {
        #expect(
            try examples("text_pair,id,text\ny,7,x\n") == [Example("x", pairedWith: "y", line: 2)])
        #expect(
            try examples("anchor,positive,negative\nx,y,z\n")
                == [Example("x", pairedWith: "y", negative: "z", line: 2)])
        #expect(
            try examples("text\ttext_pair\tnegative\nx\ty\tz\n", name: "data.tsv")
                == [Example("x", pairedWith: "y", negative: "z", line: 2)])
    }

    @Test func readsTextsWithoutLabelColumn() throws {
        #expect(
            try examples("text\nOne\n\nTwo\n", labels: .ignored) == [Example("One", line: 2), Example("Two", line: 4)])
    }

    @Test(arguments: [
        ("texts,label\nx,a\n", "data.csv:1: there is no 'text'; there is 'texts', 'label' (did you mean 'texts'?)"),
        ("text,kind\nx,a\n", "data.csv:1: there is no 'label'; there is 'text', 'kind'"),
        (
            "text,text_pair,labl\nx,y,a\n",
            "data.csv:1: there is no 'label'; there is 'text', 'text_pair', 'labl' (did you mean 'labl'?)"
        ),
        (
            "text,text_pair,score\nx,y,1\n",
            "data.csv:1: there is no 'label'; there is 'text', 'text_pair', 'score'"
        ),
        (
            "text,text_pair,negative,label\nx,y,z,a\n",
            "data.csv:1, column 4: there is a negative and a 'label'; a triplet says by itself what belongs together:"
                + " leave one of them out"
        ),
        ("text,label,text\nx,a,y\n", "data.csv:1, column 3: there are two columns 'text'; rename one"),
        (
            "text,label\nx,a\nx, y,a\n",
            "data.csv:3: there are 3 columns, expected 2; check the separators and quotes"
        ),
        (
            "text,label\n\"x\ny\",a\n\nz\n",
            "data.csv:5: there is 1 column, expected 2; check the separators and quotes"
        ),
        (
            "text,label\nx,a\ny,\"b\nz,c\n",
            "data.csv:3, column 2: the quote that begins here is never closed; a quote inside quotes is written twice"
        ),
        (
            "text,label\n\"x\ny\" z,a\n",
            "data.csv:3, column 1: there is text after the closing quote; a quote inside quotes is written twice"
        ),
        ("text,label\nx,\n", "data.csv:2, column 2: 'label' is empty; every example needs a label"),
        ("text,label\n", "data.csv: there is no example in it"),
        ("", "data.csv: there is no example in it"),
    ])
    func refusesByLineAndColumn(content: String, words: String) throws {
        #expect(try DatasetFile("data.csv", content).refusal() == words)
    }

    @Test func refusesBytesThatAreNotUTF8() throws {
        let bytes = Data("label,text\na,x\nb,\"".utf8) + [0xe9] + Data("\"\n".utf8)
        let words = "data.csv:3, column 2: the text is not UTF-8; convert the file, for example with iconv"
        #expect(try DatasetFile("data.csv", bytes: bytes).refusal() == words)
    }
}
