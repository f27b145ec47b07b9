import FineTuning
import Testing

@Suite struct MarkupTests {
    @Test func escapesWhatIsPutIntoALiteralAndNothingElse() {
        let text = "<script>\"a\" & 'b'</script>"
        let markup: Markup = "<p title=\"\(text)\">\(text)</p>"
        let escaped = "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;"
        #expect(markup.text == "<p title=\"\(escaped)\">\(escaped)</p>")
    }

    @Test func leavesMarkupAndNumbersAsTheyAre() {
        let inner: Markup = "<b>\("&")</b>"
        let outer: Markup = "<i>\(inner)\([inner, inner])\(7)</i>"
        #expect(outer.text == "<i><b>&amp;</b><b>&amp;</b><b>&amp;</b>7</i>")
        #expect((inner + inner).text == "<b>&amp;</b><b>&amp;</b>")
    }

    @Test func replacesControlCharactersThatHTMLForbids() {
        let markup: Markup = "\("a\u{0}b\u{1b}[31m\n\tc\u{85}é日")"
        #expect(markup.text == "a\u{FFFD}b\u{FFFD}[31m\n\tc\u{FFFD}é日")
    }
}
