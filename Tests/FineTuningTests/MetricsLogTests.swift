import FineTuning
import Foundation
import TestSupport
import Testing

@Suite struct MetricsLogTests {
    private func step(_ number: Int, stage: Int = 1, loss: Double = 0.5) -> StepRecord {
        StepRecord(
            step: number, stage: stage, epoch: 1, loss: loss, losses: ["topics": loss], learningRates: ["heads": 1e-3],
            gradientNorm: 0.25, tokens: 100, seconds: 0.125)
    }

    private func evaluation(_ step: Int, stage: Int = 1, score: Double = 0.75) -> EvaluationRecord {
        EvaluationRecord(
            step: step, stage: stage, epoch: 1, task: "a \"task\"", isBest: true,
            scores: ["macro_f1": score, "accuracy": score])
    }

    private func lines(_ url: URL) throws -> [String] {
        String(decoding: try Data(contentsOf: url), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func writesARowWholeAsSoonAsItIsAppended() throws {
        let folder = try TemporaryFolder()
        let log = try MetricsLog(at: folder.appending("runs/metrics.jsonl"))
        try log.append(step(1))
        #expect(
            try lines(log.url) == [
                #"{"event":"step","step":1,"stage":1,"epoch":1,"loss":0.5,"losses":{"topics":0.5},"#
                    + #""learning_rates":{"heads":0.001},"gradient_norm":0.25,"tokens":100,"seconds":0.125}"#
            ])
        try log.append(evaluation(1))
        #expect(
            try lines(log.url).last
                == #"{"event":"evaluation","step":1,"stage":1,"epoch":1,"task":"a \"task\"","best":true,"#
                + #""scores":{"accuracy":0.75,"macro_f1":0.75}}"#)
        #expect(try Data(contentsOf: log.url) == log.data)
    }

    @Test func beginsAnewInPlaceOfAnOldFile() throws {
        let folder = try TemporaryFolder()
        try MetricsLog(at: folder.appending("m.jsonl")).append(step(1))
        let log = try MetricsLog(at: folder.appending("m.jsonl"))
        #expect(try lines(log.url) == [])
        #expect(log.steps == [])
    }

    @Test func goesOnWithoutDoubledSteps() throws {
        let folder = try TemporaryFolder()
        let killed = try MetricsLog(at: folder.appending("m.jsonl"))
        for number in 1...3 { try killed.append(step(number)) }
        try killed.append(evaluation(3))
        for number in 4...7 { try killed.append(step(number)) }
        // The checkpoint was of step 5.
        let log = try MetricsLog(resuming: folder.appending("m.jsonl"))
        #expect(log.steps.count == 7, "until the run says where it goes on, all is there")
        try log.append(step(6, loss: 0.25))
        try log.append(step(7, loss: 0.25))
        #expect(log.steps.map(\.step) == Array(1...7))
        #expect(log.steps.map(\.loss) == [0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25])
        #expect(log.evaluations == [evaluation(3)])
        #expect(try Data(contentsOf: log.url) == log.data)
        #expect(try lines(log.url).count == 8)
    }

    @Test func goesOnWithAnEvaluationThatIsDoneAgain() throws {
        let folder = try TemporaryFolder()
        let killed = try MetricsLog(at: folder.appending("m.jsonl"))
        try killed.append(step(1))
        try killed.append(evaluation(1))
        try killed.append(evaluation(1, stage: 2))
        try killed.append(step(2, stage: 2))
        let log = try MetricsLog(resuming: folder.appending("m.jsonl"))
        try log.append(evaluation(1, stage: 2, score: 0.5))
        #expect(log.steps.map(\.step) == [1])
        #expect(log.evaluations == [evaluation(1), evaluation(1, stage: 2, score: 0.5)])
    }

    @Test func cutsOffHalfALineThatAKilledRunLeft() throws {
        let folder = try TemporaryFolder()
        let killed = try MetricsLog(at: folder.appending("m.jsonl"))
        for number in 1...2 { try killed.append(step(number)) }
        try (killed.data + Data(#"{"event":"step","st"#.utf8)).write(to: killed.url)
        let log = try MetricsLog(resuming: killed.url)
        try log.append(step(3))
        #expect(log.steps.map(\.step) == [1, 2, 3])
        #expect(try Data(contentsOf: log.url) == log.data)
    }

    @Test func resumesWithoutAFileAsAnew() throws {
        let folder = try TemporaryFolder()
        let log = try MetricsLog(resuming: folder.appending("m.jsonl"))
        try log.append(step(8))
        #expect(log.steps.map(\.step) == [8])
        try log.remove()
        #expect(!FileManager.default.fileExists(atPath: log.url.path(percentEncoded: false)))
    }

    @Test func leavesOutFiguresThatAreNoNumbers() throws {
        let folder = try TemporaryFolder()
        let log = try MetricsLog(at: folder.appending("m.jsonl"))
        var row = evaluation(1)
        row.scores["spearman"] = .nan
        try log.append(row)
        #expect(try MetricsLog(resuming: log.url).evaluations == [evaluation(1)])
    }

    @Test(arguments: ["{\"event\":\"stepp\"}", "{}", "no", "{\"event\":\"step\",\"step\":1}"])
    func refusesAFileOfSomethingElse(_ line: String) throws {
        let folder = try TemporaryFolder()
        try Data((line + "\n").utf8).write(to: folder.appending("m.jsonl"))
        let error = #expect(throws: MetricsLogError.self) { try MetricsLog(resuming: folder.appending("m.jsonl")) }
        #expect(error.map { "\($0)".contains("m.jsonl:1: this is no row of a metrics file") } == true)
        #expect(try lines(folder.appending("m.jsonl")) == [line], "what is not ours is left alone")
    }
}
