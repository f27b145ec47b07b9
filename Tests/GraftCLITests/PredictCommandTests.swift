import Foundation
import Testing

@Suite struct PredictCommandTests {
    @Test func answersEachTextByEachAdapterInOrder() throws {
        let place = try Workplace.withAdapter()
        #expect(try place.train(to: "second", "--epochs", "1", "--seed", "5").code == 0)
        let run = try place.graft(
            "predict", "--model", "base", "--adapter", "adapter", "--adapter", "second", "a goal", "the \"bank\"")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors == "")
        let number = "[0-9.e-]+"
        let shape = try Regex(
            "\\{\"text\":\".*\",\"task\":\"\\w+\",\"label\":\"\\w+\",\"score\":\(number),"
                + "\"scores\":\\{\"business\":\(number),\"sport\":\(number)\\}\\}")
        for line in run.lines { #expect(line.wholeMatch(of: shape) != nil, "\(line)") }
        let answers = try run.objects()
        #expect(answers.map { $0["text"] as? String } == ["a goal", "a goal", "the \"bank\"", "the \"bank\""])
        #expect(answers.map { $0["task"] as? String } == ["adapter", "second", "adapter", "second"])
        for answer in answers {
            let scores = try #require(answer["scores"] as? [String: Double])
            #expect(abs(scores.values.reduce(0, +) - 1) < 1e-6)
            #expect(scores.values.max() == answer["score"] as? Double)
            #expect(scores[try #require(answer["label"] as? String)] == answer["score"] as? Double)
        }
        // An adapter answers the same beside another as alone.
        let alone = try place.graft("predict", "--model", "base", "--adapter", "second", "a goal", "the \"bank\"")
        #expect(alone.lines == [run.lines[1], run.lines[3]])
    }

    @Test func learnedTheTask() throws {
        let place = try Workplace.withAdapter()
        let run = try place.graft("predict", "--model", "base", "--adapter", "adapter", "--input", "train.jsonl")
        let labels = try run.objects().map { $0["label"] as? String }
        let right = zip(labels, Workplace.trainingTexts).count { $0 == $1.label }
        #expect(labels.count == 40)
        #expect(right >= 32, "\(right) of 40")
    }

    @Test func readsTheLineFilesAndStandardInputAlike() throws {
        let place = try Workplace.withAdapter()
        try place.write("texts.txt", "a goal\nthe bank\n")
        try place.write("texts.csv", "text,anything\na goal,1\nthe bank,2\n")
        try place.write("texts.jsonl", "{\"text\": \"a goal\"}\n{\"text\": \"the bank\"}\n")
        let command = ["predict", "--model", "base", "--adapter", "adapter"]
        let line = try place.graft(command[0], command[1], command[2], command[3], command[4], "a goal", "the bank")
        #expect(line.lines.count == 2)
        for file in ["texts.txt", "texts.csv", "texts.jsonl"] {
            let run = try place.graft(command[0], command[1], command[2], command[3], command[4], "--input", file)
            #expect(run.output == line.output, "\(file) \(run.errors)")
        }
        let piped = try place.graft(
            command[0], command[1], command[2], command[3], command[4], "--input", "-", input: "a goal\nthe bank")
        #expect(piped.output == line.output)
    }

    @Test func refusesLinesWithoutTextsOrAdapter() throws {
        let place = try Workplace.withAdapter()
        let noText = try place.graft("predict", "--model", "base", "--adapter", "adapter")
        #expect(noText.code == 2)
        #expect(noText.errors.hasPrefix("graft predict: there is no text; give one in quotes, or --input FILE"))
        let noAdapter = try place.graft("predict", "--model", "base", "a goal")
        #expect(noAdapter.code == 2)
        #expect(
            noAdapter.errors.hasPrefix(
                "graft predict: the model base has no head of its own, so an adapter has to answer; name its folder with"
                    + " --adapter DIR\n"))
        let empty = try place.graft("predict", "--model", "base", "--adapter", "adapter", "--input", "-")
        #expect(empty.code == 1)
        #expect(empty.errors == "graft predict: standard input: there is no example in it\n")
        #expect(noText.output + noAdapter.output + empty.output == "")
    }

    @Test func refusesKernelsThatAreNotThere() throws {
        let place = try Workplace.withAdapter()
        let commands = [["inspect", "base"], ["embed", "--model", "base", "a goal"]]
        for words in commands {
            let run = try Program.run(words, in: place[""], environment: ["GRAFT_KERNELS": "nonsense"])
            #expect(run.code == 2)
            #expect(
                run.errors.contains(
                    "GRAFT_KERNELS is 'nonsense', expected one of those that this processor can run: reference"),
                "\(run.errors)")
            #expect(run.output == "")
        }
    }
}
