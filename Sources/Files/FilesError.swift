#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file operation that the system refused: what was tried, on which path, and the system's own reason.
public struct FilesError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was tried, as a verb: "open", "write", "rename", …
    public let operation: String
    /// The file or folder it was tried on.
    public let path: String
    /// The system's error number (`errno`).
    public let code: Int32
    /// What to do about it, where the system's words do not say.
    public let advice: String?

    package init(_ operation: String, _ path: String, code: Int32 = errno, advice: String? = nil) {
        self.operation = operation
        self.path = path
        self.code = code
        self.advice = advice
    }

    /// The system's words for `code`, such as "No space left on device".
    public var reason: String { String(cString: strerror(code)) }

    /// One line: what was tried, on what, why it failed, and what to do.
    public var description: String {
        "could not \(operation) \(path): \(reason)" + (advice.map { "; \($0)" } ?? "")
    }

    /// The value of `body`, its error turned into ours: the file manager's errors wrap the `errno` that it leaves set.
    package static func catching<Value>(
        _ operation: String, _ path: String, _ body: () throws -> Value
    ) throws(FilesError) -> Value {
        errno = 0
        do { return try body() } catch { throw FilesError(operation, path, code: errno == 0 ? EIO : errno) }
    }
}
