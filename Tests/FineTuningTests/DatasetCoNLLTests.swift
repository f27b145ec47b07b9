import FineTuning
import Foundation
import Testing

@Suite struct DatasetCoNLLTests {
    private static let sentences = [
        Example(tokens: ["In", "New", "York"], tags: ["O", "B", "I"], line: 3),
        Example(tokens: ["!"], tags: ["O"], line: 7),
    ]

    @Test(arguments: [
        "-DOCSTART-\tO\n\nIn\tO\nNew\tB\nYork\tI\n\n!\tO\n\n",
        "-DOCSTART-\tO\r\n\r\nIn\tO\r\nNew\tB\r\nYork\tI\r\n\t\r\n!\tO",
        "-DOCSTART- -X- O\n\nIn IN O\nNew NNP B\nYork NNP I\n\n! . O\n",
    ])
    func readsSentencesOfTokensAndTags(content: String) throws {
        #expect(try DatasetFile("data.conll", content).read().examples == DatasetCoNLLTests.sentences)
    }

    @Test func readsTokensAloneWhereTagsAreNotAskedFor() throws {
        let examples = try DatasetFile("data.conll", "In\nYork\n\n!\n").read(labels: .ignored).examples
        #expect(examples == [Example(tokens: ["In", "York"]), Example(tokens: ["!"], line: 4)])
    }

    @Test(arguments: [
        ("In\tO\nYork\n", "data.conll:2: there is 1 column, expected 2; check the separators and quotes"),
        ("In\n", "data.conll:1: there is 1 column, expected 2; check the separators and quotes"),
        ("In\t\n", "data.conll:1, column 2: 'tag' is empty; every example needs a label"),
        ("In\tO\n\tO\n", "data.conll:2, column 1: there are no tokens, expected at least one"),
        ("\n\n", "data.conll: there is no example in it"),
    ])
    func refusesByLine(content: String, words: String) throws {
        #expect(try DatasetFile("data.conll", content).refusal() == words)
    }

    @Test func refusesBytesThatAreNotUTF8() throws {
        let words = "data.conll:2: the text is not UTF-8; convert the file, for example with iconv"
        #expect(try DatasetFile("data.conll", bytes: Data("In\tO\n".utf8) + [0xff, 0x09, 0x4f]).refusal() == words)
    }
}
