import Foundation
import GraftCLI
import TestSupport
import Testing

@Suite struct ProgramTests {
    @Test func printsItsVersion() throws {
        let run = try Program.run("--version")
        #expect(run.code == 0)
        #expect(
            run.output.wholeMatch(of: /graft \d+\.\d+\.\d+ \(kernels \w+ of reference[ \w]*\)\n/) != nil,
            "\(run.output)")
        #expect(run.errors == "")
    }

    @Test func printsHelpToOutputAndMisuseToErrors() throws {
        let help = try Program.run("--help")
        #expect(help.code == 0)
        #expect(help.output.hasPrefix("graft "))
        #expect(help.errors == "")
        let misuse = try Program.run()
        #expect(misuse.code == 2)
        #expect(misuse.errors == help.output)
        #expect(misuse.output == "")
        let unknown = try Program.run("nonsense", "--help")
        #expect(unknown.code == 2)
        #expect(
            unknown.errors == """
                graft: there is no command 'nonsense'
                usage: graft <command> [--option value]… [arguments]
                'graft --help' says more.

                """)
        #expect(unknown.output == "")
    }

    @Test(arguments: CommandSpecifications.all.map(\.name))
    func knowsEveryDeclaredCommand(name: String) throws {
        let run = try Program.run(name, "--help")
        let checkedIn = try String(contentsOf: Fixtures.url("help/\(name).txt"), encoding: .utf8)
        #expect(run.output == checkedIn)
        #expect(run.code == 0 && run.errors == "")
    }

    @Test(arguments: [
        ("{\"text\": \"x\", \"label\": \"a\"}\nnot JSON\n", "FILE:2: this line is not JSON: not JSON"),
        ("", "FILE: there is no example in it"),
        (
            "{\"text\": \"x\", \"label\": \"a\"}\n",
            "FILE: the only example is labelled 'a'; a classification needs two labels at least"
        ),
    ])
    func refusesDataItCannotTrainOn(content: String, words: String) throws {
        let folder = try TemporaryFolder()
        let data = folder.appending("data.jsonl")
        try Data(content.utf8).write(to: data)
        let run = try Program.run(
            "train", "--model", Fixtures.url("encoder/tiny-bert").path, "--train", data.path, "--output",
            folder.appending("adapter").path, "--quiet")
        #expect(run.code == 1)
        #expect(run.errors == "graft train: \(words.replacing("FILE", with: data.path))\n")
        #expect(run.output == "")
        #expect(!FileManager.default.fileExists(atPath: folder.appending("adapter").path))
    }
}
