import Foundation

/// The lines of a text in memory, found one by one; nothing is copied.
///
/// A byte order mark at the start and a carriage return before a line feed belong to no line. The line after the last
/// line feed counts if there is anything on it.
struct TextLines {
    private let bytes: UnsafeRawBufferPointer
    private var offset: Int
    private var number = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        offset = TextLines.hasByteOrderMark(bytes) ? 3 : 0
    }

    /// Whether the text begins with U+FEFF, as UTF-8 from Windows does.
    static func hasByteOrderMark(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: [0xef, 0xbb, 0xbf]) }

    /// The next line with its number, from 1.
    mutating func next() -> (number: Int, line: UnsafeRawBufferPointer)? {
        guard offset < bytes.count, let base = bytes.baseAddress else { return nil }
        let rest = bytes.count - offset
        var length = rest
        if let end = memchr(base + offset, 0x0a, rest) { length = UnsafeRawPointer(end) - (base + offset) }
        var line = UnsafeRawBufferPointer(start: base + offset, count: length)
        if line.last == 0x0d { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
        offset += length + 1
        number += 1
        return (number, line)
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes as text, nil if they are not UTF-8.
    var text: String? { String(validating: self, as: UTF8.self) }

    /// Whether there is nothing but spaces and tabs.
    var isBlank: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d } }
}
