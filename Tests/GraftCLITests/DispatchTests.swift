import Foundation
import GraftCLI
import Synchronization
import Testing

@Suite struct DispatchTests {
    private struct Refused: Error, CustomStringConvertible {
        let description = "f:3: there is no example in it"
    }

    /// What one run came to.
    private struct Outcome: Equatable {
        var code: Int32
        var output = ""
        var errors = ""
    }

    private func run(
        _ words: [String], _ body: @escaping @Sendable (OptionValues) throws -> Void = { _ in }
    ) -> Outcome {
        let dispatch = Dispatch(
            program: "graft", version: "1.2.3", summary: "looks at things and says what it sees",
            commands: [Command(SampleCommand.specification, run: body)])
        var outcome = Outcome(code: -1)
        outcome.code = dispatch.run(
            words, output: { outcome.output += $0 + "\n" }, errors: { outcome.errors += $0 + "\n" })
        return outcome
    }

    private static let programHelp = """
        graft 1.2.3: looks at things and says what it sees

        usage: graft <command> [--option value]… [arguments]

        Commands:
          look        looks at things

        Options:
          -h, --help  shows this, after a command what it does and its options
          --version   prints the version

        """

    private static let commandHelp = """
        graft look: looks at things

        usage: graft look --file FILE --adapter DIR… [options] [TEXT …]

        It does nothing else.

        Arguments:
          TEXT                  a text

        Data:
          --file FILE           the file to look at
          --adapter DIR         an adapter folder, of which there may be as many as there is memory for,
                                and all of them are asked in their order (may be given several times)
          --names NAMES         the names

        Work:
          --rank N              the rank (default: 8)
          --offset N            added to each number (default: 0)
          --rate X              the rate (default: 0.001)
          --share X             the share
          --shape round|square  what it looks like (default: round)
          --layers LAYERS       the layers
          --verbose-to-the-point-of-being-a-nuisance
                                say everything that can be said

        Help:
          -h, --help            shows this

        """

    @Test func helpAndVersionGoToOutput() {
        #expect(run(["--help"]) == Outcome(code: 0, output: DispatchTests.programHelp))
        #expect(run(["-h"]) == Outcome(code: 0, output: DispatchTests.programHelp))
        #expect(run(["--version"]) == Outcome(code: 0, output: "graft 1.2.3\n"))
        #expect(run(["look", "--help"]) == Outcome(code: 0, output: DispatchTests.commandHelp))
        #expect(run(["look", "--wrong", "-h"]) == Outcome(code: 0, output: DispatchTests.commandHelp))
    }

    @Test func nothingAtAllIsMisuseAndGivesHelp() {
        #expect(run([]) == Outcome(code: 2, errors: DispatchTests.programHelp))
    }

    @Test func wrongLinesSayWhatIsWrongAndHowTheLineLooks() {
        let usage = "usage: graft <command> [--option value]… [arguments]\n'graft --help' says more.\n"
        #expect(
            run(["lok"]) == Outcome(code: 2, errors: "graft: there is no command 'lok'; did you mean 'look'?\n" + usage)
        )
        #expect(run(["train"]) == Outcome(code: 2, errors: "graft: there is no command 'train'\n" + usage))
        #expect(
            run(["--versoin"])
                == Outcome(code: 2, errors: "graft: there is no option --versoin; did you mean --version?\n" + usage))
        let lookUsage =
            "usage: graft look --file FILE --adapter DIR… [options] [TEXT …]\n'graft look --help' says more.\n"
        #expect(
            run(["look", "--file"])
                == Outcome(code: 2, errors: "graft look: a value is missing: --file FILE\n" + lookUsage))
    }

    @Test func runsTheCommandWithItsValues() {
        let rank = Mutex(0)
        let outcome = run(["look"] + SampleCommand.words("--rank", "5", "--", "-h")) { values in
            rank.withLock { $0 = values[SampleCommand.rank] }
        }
        #expect(outcome == Outcome(code: 0))
        #expect(rank.withLock { $0 } == 5)
    }

    @Test func failuresOfTheWorkEndWithOneAndOfTheLineWithTwo() {
        #expect(
            run(["look"] + SampleCommand.words()) { _ in throw Refused() }
                == Outcome(code: 1, errors: "graft look: f:3: there is no example in it\n"))
        let outcome = run(["look"] + SampleCommand.words()) { _ in throw CommandLineError.conflict("not so") }
        #expect(outcome.code == 2)
        #expect(outcome.errors.hasPrefix("graft look: not so\nusage: graft look --file FILE"))
    }
}
