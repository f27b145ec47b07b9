import Foundation
import GraftCLI
import Testing

@Suite struct OptionReaderTests {
    private typealias Sample = SampleCommand

    @Test func givesDefaultsWhereNothingIsGiven() throws {
        let values = try Sample.read()
        #expect(values[Sample.file].relativePath == "f")
        #expect(values[Sample.rank] == 8)
        #expect(values[Sample.rate] == 0.001)
        #expect(values[Sample.share] == nil)
        #expect(values[Sample.shape] == .round)
        #expect(values[Sample.names] == nil)
        #expect(values[Sample.verbose] == false)
        #expect(values.arguments == [])
        #expect(values.isGiven(Sample.file) && !values.isGiven(Sample.rank))
    }

    @Test func readsValuesAfterASpaceOrAnEqualsSign() throws {
        let values = try Sample.read(
            "--rank", "16", "--rate=2e-4", "--share=1", "--shape", "square", "--names=a,b=c", "--layers=0")
        #expect(values[Sample.rank] == 16)
        #expect(values[Sample.rate] == 2e-4)
        #expect(values[Sample.share] == 1)
        #expect(values[Sample.shape] == .square)
        #expect(values[Sample.names] == ["a", "b=c"])
        #expect(values[Sample.layers] == [0])
        #expect(values.isGiven(Sample.rank))
    }

    @Test func takesNumbersBelowZeroAndTheDashAloneAsValuesAndArguments() throws {
        let values = try Sample.read("--offset", "-3", "-", "-1.5e3", "--names", "-")
        #expect(values[Sample.offset] == -3)
        #expect(values.arguments == ["-", "-1.5e3"])
        #expect(values[Sample.names] == ["-"])
    }

    @Test func keepsRepeatedOptionsAndArgumentsInTheirOrder() throws {
        let values = try Sample.read("one", "--adapter", "b", "two", "--adapter=c")
        #expect(values[Sample.adapters].map(\.relativePath) == ["a", "b", "c"])
        #expect(values.arguments == ["one", "two"])
    }

    @Test func endsOptionsAtTwoDashes() throws {
        let values = try Sample.read("--", "--rank", "--", "x")
        #expect(values.arguments == ["--rank", "--", "x"])
        #expect(values[Sample.rank] == 8)
    }

    @Test(
        arguments: [
            ("0", [0]), ("3-5,7", [3, 4, 5, 7]), ("7,3-5,4", [3, 4, 5, 7]), ("2-2", [2]), ("", nil), ("5-3", nil),
            ("-3", nil),
            ("3-", nil), ("1-2-3", nil), ("a", nil), ("1,,2", nil), ("1, 2", nil), ("0-99999999999", nil), ("+1", nil),
        ] as [(String, [Int]?)])
    func readsRangesOfLayers(text: String, layers: [Int]?) throws {
        if let layers {
            #expect(try Sample.read("--layers=\(text)")[Sample.layers] == layers)
        } else {
            let words = "--layers is '\(text)', expected layers counted from 0, such as 3-5,7"
            #expect(Sample.refusal(Sample.words("--layers=\(text)")) == words)
        }
    }

    @Test(arguments: [
        (["--file", "f"], "--adapter DIR is missing"),
        (["--adapter", "a"], "--file FILE is missing"),
        (Sample.words("--rnk", "3"), "there is no option --rnk; did you mean --rank?"),
        (Sample.words("--hlp"), "there is no option --hlp; did you mean --help?"),
        (Sample.words("-x"), "there is no option -x"),
        (Sample.words("--rank"), "a value is missing: --rank N"),
        (
            Sample.words("--names", "--rank", "3"),
            "a value is missing: --names NAMES; found --rank in its place (a value that begins with a dash needs '=')"
        ),
        (Sample.words("--rank", "many"), "--rank is 'many', expected a whole number from 1 to 64"),
        (Sample.words("--rank", "65"), "--rank is '65', expected a whole number from 1 to 64"),
        (Sample.words("--rank="), "--rank is '', expected a whole number from 1 to 64"),
        (Sample.words("--rate", "0"), "--rate is '0', expected a number above 0"),
        (Sample.words("--rate", "inf"), "--rate is 'inf', expected a number above 0"),
        (Sample.words("--share", "nan"), "--share is 'nan', expected a number from 0 to 1"),
        (Sample.words("--shape", "oval"), "--shape is 'oval', expected round or square"),
        (
            Sample.words("--names", "a,,b"),
            "--names is 'a,,b', expected text, or several of these with commas between them"
        ),
        (
            Sample.words("--names", "a,a"),
            "--names is 'a,a', expected text, or several of these with commas between them"
        ),
        (Sample.words("--file", "g"), "--file is given more than once"),
        (
            Sample.words("--verbose-to-the-point-of-being-a-nuisance=yes"),
            "--verbose-to-the-point-of-being-a-nuisance takes no value, found 'yes'"
        ),
        (Sample.words("--rank", "13"), "--rank 13 brings bad luck; take another"),
    ])
    func refusesWrongLines(words: [String], refusal: String) {
        #expect(SampleCommand.refusal(words) == refusal)
    }
}
