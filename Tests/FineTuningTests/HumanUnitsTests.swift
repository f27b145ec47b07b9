import FineTuning
import Testing

@Suite struct HumanUnitsTests {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_250_000, "1.2 MB"), (9_949_999, "9.9 MB"),
        (9_960_000, "10 MB"), (90_900_000, "91 MB"), (999_499_999, "999 MB"), (999_500_000, "1.0 GB"),
        (-1500, "-1.5 kB"),
    ])
    func writesBytesInDecimalUnits(count: Int, text: String) { #expect(HumanUnits.bytes(count) == text) }

    @Test(arguments: [
        (0.4, "0:00"), (7, "0:07"), (59.6, "1:00"), (765, "12:45"), (3723, "1:02:03"), (.infinity, "?"), (.nan, "?"),
        (-1, "?"),
    ])
    func writesSecondsAsAClock(seconds: Double, text: String) { #expect(HumanUnits.duration(seconds) == text) }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345")])
    func groupsDigits(number: Int, text: String) { #expect(HumanUnits.count(number) == text) }
}
