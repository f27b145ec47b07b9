import FineTuning
import Testing

@Suite struct LabelIndexTagsTests {
    private func sentence(_ tags: String..., line: Int = 1) -> Example {
        Example(tokens: tags.indices.map { "word\($0)" }, tags: tags, line: line)
    }

    private func refusal(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return "\(error)" }
    }

    @Test func completesTheTagsOfEachTypeInTheDatasScheme() throws {
        let bio = Dataset([sentence("O", "B-b", "I-b"), sentence("I-a")])
        #expect(try LabelIndex(ofTagsIn: bio).names == ["O", "B-a", "B-b", "I-a", "I-b"])
        let iobes = Dataset([sentence("S-b", "O"), sentence("B-geo-loc", "E-geo-loc")])
        #expect(
            try LabelIndex(ofTagsIn: iobes).names
                == ["O", "B-b", "B-geo-loc", "E-b", "E-geo-loc", "I-b", "I-geo-loc", "S-b", "S-geo-loc"])
        let untyped = Dataset([sentence("B", "I", "O")])
        #expect(try LabelIndex(ofTagsIn: untyped).names == ["O", "B-_", "I-_"])
        #expect(try LabelIndex(ofTagsIn: untyped).tagIDs(of: untyped) == [[1, 2, 0]])
    }

    @Test(arguments: ["", "X-a", "person", "O-a", "B-", "Ba", "b-a", "L-a", "-a"])
    func refusesWhatIsNoTagByLineAndWord(tag: String) {
        let data = Dataset([sentence("B-a"), sentence("O", tag, line: 7)], source: "data.conll")
        let words =
            "data.conll:7: '\(tag)' of word 2, 'word1', is no tag; tags are O, or B-, I-, E- or S- and a type, as in B-person"
        #expect(refusal { _ = try LabelIndex(ofTagsIn: data) } == words)
        #expect(refusal { _ = try LabelIndex(["O", "B-a", "I-a"]).tagIDs(of: data) } == words)
    }

    @Test func refusesDataWithoutEntitiesAndLabelsThatAreNoTags() {
        let outside = Dataset([sentence("O", "O"), sentence("O")], source: "data.jsonl")
        #expect(
            refusal { _ = try LabelIndex(ofTagsIn: outside) }
                == "data.jsonl: there is no entity in it (words: 3, all tagged O); tagging needs some to learn from")
        let classes = Dataset([Example("a", label: .name("x"), line: 4)], source: "data.jsonl")
        #expect(
            refusal { _ = try LabelIndex(ofTagsIn: classes) }
                == "data.jsonl:4: the label is text, which does not fit the objective tagging")
        #expect(
            refusal { _ = try LabelIndex(of: Dataset([sentence("O")], source: "data.jsonl")) }
                == "data.jsonl:1: the label is a list of tags, which does not fit the objective classification")
    }

    @Test func refusesTagsThatTheHeadDoesNotKnow() {
        let data = Dataset([sentence("O", "B-persn", line: 3)], source: "data.jsonl")
        #expect(
            refusal { _ = try LabelIndex(["O", "B-person", "I-person"]).tagIDs(of: data) }
                == "data.jsonl:3: the label 'B-persn' is not one of the known labels 'O', 'B-person', 'I-person'"
                + " (did you mean 'B-person'?)")
    }
}
