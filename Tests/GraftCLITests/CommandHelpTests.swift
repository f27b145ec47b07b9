import Foundation
import GraftCLI
import TestSupport
import Testing

@Suite struct CommandHelpTests {
    /// Renewed by `graft <command> --help > Tests/Fixtures/help/<command>.txt`, and read before it is committed.
    @Test(arguments: CommandSpecifications.all.map(\.name))
    func helpOfEveryCommandIsAsCheckedIn(name: String) throws {
        let command = try #require(CommandSpecifications.all.first { $0.name == name })
        let checkedIn = try String(contentsOf: Fixtures.url("help/\(name).txt"), encoding: .utf8)
        #expect(HelpText.text(of: command, program: "graft") + "\n" == checkedIn)
    }

    @Test func noHelpIsWiderThanItsLimit() {
        for command in CommandSpecifications.all {
            let lines = HelpText.text(of: command, program: "graft").split(separator: "\n")
            #expect(lines.allSatisfy { $0.count <= HelpText.width }, "\(command.name)")
        }
    }

    @Test(
        arguments: [
            ("train", [], "--model MODEL is missing"),
            ("train", ["--model", "m", "--train", "f"], "--output DIR is missing"),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--patience", "2"],
                "--patience needs --eval: without scores no epoch is better than another"
            ),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--metric", "macro_f1"],
                "--metric needs --eval: there is nothing to evaluate on"
            ),
            (
                "train",
                ["--model", "m", "--train", "f", "--output", "d", "--eval", "g", "--method", "none", "--baseline"],
                "--baseline says nothing with --method none: the head is trained alone already"
            ),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--warmup", "0.1", "--warmup-steps", "3"],
                "the warm-up is a share (--warmup) or a number of steps (--warmup-steps); leave one out"
            ),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--cycles", "3"],
                "--cycles says nothing with --schedule linear; it is for cosine-restarts"
            ),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--ema", "1"],
                "--ema is '1', expected a number from 0 to 0.999999"
            ),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--method", "none", "--layers", "1-2"],
                "--layers says nothing with --method none; leave one of the two out"
            ),
            (
                "train",
                [
                    "--model", "m", "--train", "f", "--output", "d", "--feature-cache=off", "--feature-memory", "1GB",
                ],
                "--feature-memory says nothing with --feature-cache off; leave one of the two out"
            ),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--feature-memory", "1TB"],
                "--feature-memory is '1TB', expected a number of bytes, such as 500MB or 2GB"
            ),
            (
                "train", ["--model", "m", "--train", "f", "--output", "d", "--targets", "query,query"],
                "--targets is 'query,query', expected all-linear, names with commas between them, each once, or a regular expression"
            ),
            (
                "predict", ["--model", "m", "--adapter", "a"],
                "there is no text; give one in quotes, or --input FILE, or --input - for standard input"
            ),
            (
                "embed", ["--model", "m", "--input", "-", "hello"],
                "there is an --input and the text 'hello'; give one of them"
            ),
            (
                "embed", ["--model", "m", "--prompt", "", "--prompt-name", "query", "hello"],
                "there is a --prompt '' and a --prompt-name 'query'; give one of them"
            ),
            (
                "merge", ["--model", "m", "--adapter", "a", "--output", "d", "--type", "int4"],
                "--type is 'int4', expected float32, bfloat16 or float16"
            ),
            ("inspect", [], "PATH is missing"),
            ("inspect", ["a", "b"], "there is nothing to do with 'b'; texts with spaces need quotes"),
            (
                "benchmark", ["--model", "m", "--only", "training,training"],
                "--only is 'training,training', expected ceilings, products, inference, training, adapters or load, or several of these with commas between them"
            ),
            ("pull", ["--jsn"], "there is no option --jsn"),
            ("evaluate", ["--dta", "f"], "there is no option --dta; did you mean --data?"),
        ] as [(String, [String], String)])
    func refusesWrongLines(name: String, words: [String], refusal: String) throws {
        let command = try #require(CommandSpecifications.all.first { $0.name == name })
        do {
            _ = try OptionReader(command).read(words)
            Issue.record("a wrong line was accepted")
        } catch { #expect(error.description == refusal) }
    }

    @Test(arguments: [
        ("pull", ["sentence-transformers/all-MiniLM-L6-v2", "--quiet"]),
        (
            "train",
            ["--model", "m", "--train=f.csv", "--output", "d", "--eval", "g.csv", "--layers", "3-5", "--resume"]
        ),
        ("evaluate", ["--model", "m", "--adapter", "a", "--data", "f.jsonl", "--json", "--label-field", "topic"]),
        ("predict", ["--model", "m", "--adapter", "a", "--adapter", "b", "--", "--not an option"]),
        ("predict", ["--model", "m", "--adapter", "a", "--input", "-"]),
        ("embed", ["--model", "m", "one", "two", "--threads", "2", "--precision", "auto"]),
        ("embed", ["--model", "m", "one", "--prompt", ""]), ("embed", ["--model", "m", "one", "--prompt-name=query"]),
        ("merge", ["--model", "m", "--adapter", "a", "--output", "d", "--type", "bfloat16", "--allow-other-base"]),
        ("inspect", ["folder", "--json"]),
        ("benchmark", ["--model", "m"]),
        (
            "benchmark",
            [
                "--model", "m", "--data", "f.jsonl", "--only", "ceilings,training", "--seconds", "0.5", "--threads",
                "1", "--json",
            ]
        ),
        ("demo", []),
    ])
    func acceptsTheLinesOfTheContract(name: String, words: [String]) throws {
        let command = try #require(CommandSpecifications.all.first { $0.name == name })
        _ = try OptionReader(command).read(words)
    }
}
