import FineTuning
import Testing

@Suite struct LabelIndexTests {
    private func names(_ labels: [Example.Label]) throws -> [String] {
        try LabelIndex(of: Dataset(labels.map { Example("x", label: $0) })).names
    }

    // What Python's sorted(set(labels)) gives for the same labels.
    @Test func ordersLabelsAsPythonDoes() throws {
        #expect(try names(["b", "a", "b", "B", "", "10", "9"].map { .name($0) }) == ["", "10", "9", "B", "a", "b"])
        #expect(
            try names(["é", "z", "e\u{302}", "ﬀ", "😀", "\u{ffff}"].map { .name($0) }).map { Array($0.unicodeScalars) }
                == ["e\u{302}", "z", "é", "ﬀ", "\u{ffff}", "😀"].map { Array($0.unicodeScalars) })
        #expect(try names([10, 9, -1, 2, 10].map { .number($0) }) == ["-1", "2", "9", "10"])
        #expect(try names([.name("true"), .name("false")]) == ["false", "true"])
    }

    @Test func givesIdsInTheOrderOfTheExamples() throws {
        let data = Dataset(["sports", "arts", "sports"].map { Example("x", label: .name($0)) })
        let index = try LabelIndex(of: data)
        #expect(try index.ids(of: data) == [1, 0, 1])
        #expect(index.id(of: "sports") == 1)
        #expect(index.id(of: "politics") == nil)
        #expect(index == LabelIndex(["arts", "sports"]))
    }

    @Test func refusesOneLabelOnly() {
        let data = Dataset((1...3).map { Example("x", label: .name("spam"), line: $0) }, source: "mail.jsonl")
        #expect(
            refusal { try LabelIndex(of: data) }
                == "mail.jsonl: all 3 examples are labelled 'spam'; a classification needs two labels at least")
        #expect(
            refusal { try LabelIndex(of: data.prefix(1)) }
                == "mail.jsonl: the only example is labelled 'spam'; a classification needs two labels at least")
        #expect(refusal { try LabelIndex(of: data.prefix(0)) } == "mail.jsonl: there is no example in it")
    }

    @Test func refusesUnknownLabelsByLine() {
        let data = Dataset(
            [Example("x", label: .name("arts")), Example("y", label: .name("sport"), line: 9)], source: "news.csv")
        #expect(
            refusal { try LabelIndex(["arts", "sports"]).ids(of: data) }
                == "news.csv:9: the label 'sport' is not one of the known labels 'arts', 'sports' (did you mean 'sports'?)"
        )
        let many = LabelIndex((0..<20).map { "topic \($0)" } + ["arts"])
        #expect(
            refusal { try many.ids(of: data) }
                == "news.csv:9: the label 'sport' is not one of the known labels "
                + (0..<12).map { "'topic \($0)'" }.joined(separator: ", ") + " and 9 more")
    }

    @Test func refusesLabelsThatNameNoClass() {
        let lists = Dataset([Example("x", label: .names(["a"]), line: 4)], source: "news.jsonl")
        #expect(
            refusal { try LabelIndex(of: lists) }
                == "news.jsonl:4: the label is a list, which does not fit the objective classification")
        #expect(
            refusal { try LabelIndex(["a", "b"]).ids(of: Dataset([Example("x")], source: "news.jsonl")) }
                == "news.jsonl:1: the label is missing, which does not fit the objective classification")
    }

    private func refusal<Value>(_ body: () throws -> Value) -> String? {
        do {
            _ = try body()
            return nil
        } catch { return "\(error)" }
    }
}
