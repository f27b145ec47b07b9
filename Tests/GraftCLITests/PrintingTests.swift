import GraftCLI
import Testing

@Suite struct PrintingTests {
    @Test func alignsTheColumnsOfATable() {
        var table = TextTable(("label", .left), ("F1", .right), ("note", .left))
        table.append("é", "0.5", "")
        table.append("business", "0.9375", "best")
        #expect(table.lines == ["label         F1  note", "é            0.5", "business  0.9375  best"])
    }
}
