import FineTuning
import Foundation
import Testing

@Suite struct ReportPageTests {
    private func count(_ pattern: some RegexComponent, in text: String) -> Int { text.matches(of: pattern).count }

    @Test func needsNothingButItself() {
        for html in [ReportPage(SampleRun.classification()).html, ReportPage(SampleRun.stages()).html] {
            #expect(!html.contains("<script") && !html.contains("<link") && !html.contains("<img"))
            #expect(
                !html.contains("http:") && !html.contains("https:") && !html.contains("url(")
                    && !html.contains("@import"))
            // The one link goes to the file beside it.
            #expect(html.matches(of: /(?:href|src)="([^"]*)"/).map { $0.output.1 } == ["metrics.jsonl"])
        }
    }

    @Test func escapesTextFromOutsideWhereverItStands() {
        let evil = "<i onload='x'>\"&"
        var run = SampleRun.stages()
        (run.name, run.baseModel, run.encoder, run.command, run.machine, run.program) = (
            evil, evil, evil, evil, evil, evil
        )
        run.notes = [evil]
        run.settings = [.init(evil, [.init(evil, evil)])]
        let metrics = ClassificationMetrics(targets: [0, 1], predictions: [0, 0], labels: [evil, "b"])
        run.tasks[0].scores = .classification(metrics)
        run.tasks[1].scores = .tagging(TaggingMetrics(targets: [["B-" + evil]], predictions: [["O"]]))
        for index in run.tasks.indices {
            run.tasks[index].evaluation = .init(file: evil, count: 2)
            run.tasks[index].outcomes = [
                ExampleOutcome(
                    input: TextInput(evil, pairedWith: evil), line: 1, expected: evil, answered: evil, loss: 1,
                    isRight: false)
            ]
        }
        let old = run.tasks.map(\.name)
        for index in run.stages.indices {
            run.stages[index].name = evil
            (run.stages[index].trains, run.stages[index].folder) = (evil, evil)
            run.stages[index].groups = [TrainedGroup(evil, tensors: 1, parameters: 1)]
            run.stages[index].scores = [evil: 0.5]
            run.stages[index].metrics = [evil: evil]
        }
        run.tasks[0].name = evil
        run.steps = run.steps.map { step in
            var step = step
            (step.losses, step.learningRates) = ([evil: step.losses[old[0]] ?? 0], [evil: 1, "b": 2])
            return step
        }
        let html = ReportPage(run).html
        #expect(!html.contains("<i "))
        #expect(html.contains("&lt;i onload=&#39;x&#39;&gt;&quot;&amp;"))
        #expect(isWellFormed(html))
    }

    @Test func isWellFormedWithHeadingsInOrderAndFiguresDescribed() throws {
        for run in [SampleRun.classification(), SampleRun.classification(steps: 3000), SampleRun.stages()] {
            let html = ReportPage(run).html
            #expect(isWellFormed(html))
            let levels = html.matches(of: /<h([1-6])[ >]/).compactMap { Int($0.output.1) }
            #expect(levels.first == 1 && levels.count { $0 == 1 } == 1)
            for (level, next) in zip(levels, levels.dropFirst()) { #expect(next <= level + 1, "\(levels)") }
            let ids = html.matches(of: #/ id="([^"]*)"/#).map { String($0.output.1) }
            #expect(Set(ids).count == ids.count)
            let figures = count(/<svg viewBox="[^"]*" role="img"/, in: html)
            #expect(figures >= 3)
            #expect(count(/<title id=/, in: html) == figures && count(/<desc id=/, in: html) == figures)
            for match in html.matches(of: /aria-labelledby="([^"]*)"/) {
                for id in match.output.1.split(separator: " ") { #expect(ids.contains(String(id))) }
            }
            #expect(
                count(/<table/, in: html)
                    == count(/class="scroll" role="region" aria-label="[^"]+" tabindex="0"/, in: html))
        }
    }

    @Test func staysSmallHoweverManySteps() {
        let short = ReportPage(SampleRun.classification(steps: 300)).html.utf8.count
        let long = ReportPage(SampleRun.classification(steps: 30_000)).html.utf8.count
        #expect(long < short + 10_000)
    }

    @Test func saysWhatTheRunCameTo() {
        let html = ReportPage(SampleRun.classification()).html
        #expect(html.contains("<p class=\"value\">0.8000</p>"))
        #expect(html.contains("95 % interval 0.4902 to 0.9433"))
        #expect(html.contains("Trained: heads and adapters, 74,883 numbers, 0.33 % of the encoder’s 22,713,216."))
        #expect(html.contains("2 of 3 answers are not right"))
        #expect(html.contains("Shares in the &lt;b&gt;airline&lt;/b&gt; &amp; its rival fell"))
        #expect(!html.contains("The cup final"), "a right answer is no mistake")
        #expect(html.contains("Looked at: 3 of 10 texts, one every so often."))
        #expect(html.contains("kept: 0.8000"))
        #expect(html.contains("2026-09-21"))
        #expect(!html.contains("Stages side by side"))
    }

    @Test func comparesStagesInWords() {
        let html = ReportPage(SampleRun.stages()).html
        #expect(
            html.contains(
                "stage 2, adapters: topics +9.2 points, people &amp; places +30.0 points over heads only; "
                    + "25 times the parameters of stage 1"))
        #expect(
            html.contains(
                "stage 3, top layer: topics +10.0 points, people &amp; places +29.0 points over heads only, "
                    + "topics +0.8 points, people &amp; places −1.0 points over stage 2; 601 times"))
        #expect(html.contains("<code>adapters/stages/top layer</code>"))
        #expect(count(/class="divider"/, in: html) == 2 * 5, "two borders in each of five charts")
    }

    @Test(arguments: [
        ("accuracy", 0.02...0.19, "Better than the head alone"),
        ("accuracy", -0.01...0.1, "No better than the head alone"),
        ("accuracy", 0...0.1, "No better than the head alone"),
        ("accuracy", -0.2 ... -0.1, "Worse than the head alone"),
        ("mse", -0.2 ... -0.1, "Better than the head alone"), ("mse", 0.1...0.2, "Worse than the head alone"),
    ])
    func judgesABaselineByItsInterval(_ metric: String, _ interval: ClosedRange<Double>, _ words: String) {
        var run = SampleRun.classification()
        run.tasks[0].baseline = BaselineRecord(
            metric: metric, headAlone: 0.7, trained: 0.8, interval: interval, seconds: 1)
        #expect(ReportPage(run).html.contains("<strong>\(words) on the frozen encoder:</strong>"))
    }

    @Test func listsTheConfusionsOfManyLabels() {
        let labels = (0..<40).map { "label \($0)" }
        let metrics = ClassificationMetrics(
            targets: Array(0..<40) + [3, 3, 5], predictions: Array(0..<40) + [7, 7, 6], labels: labels)
        var run = SampleRun.classification()
        run.tasks[0].scores = .classification(metrics)
        let html = ReportPage(run).html
        #expect(!html.contains("class=\"confusion\""))
        #expect(html.contains("<bdi>label 3</bdi></th><td><bdi>label 7</bdi></td><td class=\"number\">2</td>"))
    }

    @Test func showsARunWithoutStepsScoresOrMistakes() {
        var run = SampleRun.classification()
        (run.steps, run.evaluations, run.isInterrupted) = ([], [], true)
        (run.tasks[0].scores, run.tasks[0].baseline, run.tasks[0].outcomes) = (nil, nil, [])
        let html = ReportPage(run).html
        #expect(html.contains("No step was done.") && html.contains("There were no held-out texts to score on."))
        #expect(html.contains("The run was stopped before its end"))
        #expect(isWellFormed(html))
    }

    @Test func drawsAnswersOverKnownNumbers() {
        var run = SampleRun.classification()
        run.tasks[0].outcomes = (0..<4000).map { index in
            ExampleOutcome(
                input: TextInput("a"), line: index, expected: "1", answered: "2", loss: 1, isRight: nil,
                numbers: .init(expected: Double(index), answered: Double(index) + 1))
        }
        let html = ReportPage(run).html
        let dots = html.matches(of: /<circle cx="[-0-9.]+" cy="[-0-9.]+" r="2.4"\/>/).count
        #expect((1000...1500).contains(dots), "\(dots)")
        #expect(html.contains("The answers that are furthest off."))
    }

    /// Whether every tag that is opened is closed, in turn.
    private func isWellFormed(_ html: String) -> Bool {
        let alone: Set<Substring> = ["meta", "br"]
        var open: [Substring] = []
        for match in html.matches(of: /<(\/?)([a-z][a-z0-9]*)((?:[^>"]|"[^"]*")*?)(\/?)>/) {
            let (_, closing, name, _, itself) = match.output
            if alone.contains(name) || !itself.isEmpty { continue }
            if closing.isEmpty { open.append(name) } else if open.popLast() != name { return false }
        }
        return open.isEmpty && html.hasPrefix("<!DOCTYPE html>\n")
    }
}
