import GraftCLI
import Testing

@Suite struct ProgressLineTests {
    /// A clock that is set by hand, and what was written.
    private final class Stage {
        var time = 0.0
        var written = ""
        func line(_ style: ProgressLine.Style) -> ProgressLine {
            ProgressLine(style, write: { self.written += $0 }, now: { self.time })
        }
    }

    @Test func drawsOverItselfOnATerminalTenTimesASecondAtMost() {
        let stage = Stage()
        let line = stage.line(.live(columns: 12))
        line.update("step 1")
        stage.time = 0.05
        line.update("step 2")
        stage.time = 0.1
        line.update("step 3 of many more")
        #expect(stage.written == "\rstep 1\u{1b}[K\rstep 3 of m\u{1b}[K")
        line.milestone("epoch 1")
        line.update("step 4")
        #expect(stage.written.hasSuffix("\r\u{1b}[Kepoch 1\n\rstep 4\u{1b}[K"))
        line.clear()
        line.clear()
        #expect(stage.written.hasSuffix("step 4\u{1b}[K\r\u{1b}[K"))
    }

    @Test func writesALineNowAndThenElsewhere() {
        let stage = Stage()
        let line = stage.line(.plain)
        for step in 0...35 {
            stage.time = Double(step)
            line.update("step \(step)")
        }
        line.milestone("epoch 1")
        line.clear()
        #expect(stage.written == "step 10\nstep 20\nstep 30\nepoch 1\n")
    }

    @Test func saysNothingIfQuiet() {
        let stage = Stage()
        let line = stage.line(.quiet)
        stage.time = 100
        var isMade = false
        line.update(
            {
                isMade = true; return "step"
            }())
        line.milestone("epoch 1")
        line.clear()
        #expect(stage.written == "" && !isMade)
    }
}
