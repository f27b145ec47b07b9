import Foundation

/// Standard error: where everything goes that is no result.
enum StandardError {
    /// Writes text as it is.
    @Sendable static func write(_ text: String) {
        // Where this fails there is no place left to say so.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    /// Writes a line.
    @Sendable static func print(_ line: String) { write(line + "\n") }

    /// The columns of the terminal that standard error is, nil if it is none.
    static var terminalWidth: Int? {
        guard isatty(STDERR_FILENO) == 1 else { return nil }
        var size = winsize()
        let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return isKnown ? Int(size.ws_col) : 80
    }
}
