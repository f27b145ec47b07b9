/// What is going on, on standard error: a line that is drawn again and again on a terminal, otherwise a line now and then.
package final class ProgressLine {
    /// Where progress goes.
    package enum Style: Sendable, Equatable {
        /// A terminal of so many columns: one line, drawn over itself ten times a second at most.
        case live(columns: Int)
        /// A file or a pipe: a line every ten seconds, the first after ten.
        case plain
        /// Nowhere.
        case quiet
    }

    private let style: Style
    private let write: (String) -> Void
    private let now: () -> Double
    private var lastDrawn: Double
    private var isDrawn = false

    /// - Parameters:
    ///   - write: what text goes to.
    ///   - now: seconds from any time on.
    package init(_ style: Style, write: @escaping (String) -> Void, now: @escaping () -> Double) {
        (self.style, self.write, self.now) = (style, write, now)
        lastDrawn = style == .plain ? now() : -.infinity
    }

    /// Progress on standard error, as that is.
    convenience init(isQuiet: Bool) {
        let clock = ContinuousClock()
        let start = clock.now
        self.init(
            isQuiet ? .quiet : StandardError.terminalWidth.map { .live(columns: $0) } ?? .plain,
            write: StandardError.write, now: { (clock.now - start) / .seconds(1) })
    }

    /// Says where the work is. Shown now and then; `text` is made only if it is.
    package func update(_ text: @autoclosure () -> String) {
        let interval: Double
        switch style {
        case .live: interval = 0.1
        case .plain: interval = 10
        case .quiet: return
        }
        let time = now()
        guard time - lastDrawn >= interval else { return }
        lastDrawn = time
        if case .live(let columns) = style {
            // A line that fills the last column would make a new one.
            write("\r" + text().prefix(columns - 1) + ProgressLine.clearToEnd)
            isDrawn = true
        } else {
            write(text() + "\n")
        }
    }

    /// Says what is done: a line that stays.
    package func milestone(_ text: String) {
        if style == .quiet { return }
        clear()
        write(text + "\n")
        lastDrawn = now()
        if case .live = style { lastDrawn = -.infinity }
    }

    /// Takes the drawn line away: before anything else is printed, and at the end.
    package func clear() {
        if isDrawn { write("\r" + ProgressLine.clearToEnd) }
        isDrawn = false
    }

    deinit { clear() }

    /// Of the ANSI terminals: erase from the cursor to the end of the line.
    private static let clearToEnd = "\u{1b}[K"
}
