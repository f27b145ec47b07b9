import Foundation

/// A user's token for the Hub. It never prints itself: what is shown of it is where it came from.
struct AccessToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The variable or the file that it was found in.
    let origin: String
    private let secret: String

    /// The token that `text` holds between space and line ends, nil if there is none.
    init?(_ text: String, origin: String) {
        let secret = text.filter { !$0.isNewline }.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !secret.isEmpty else { return nil }
        (self.secret, self.origin) = (secret, origin)
    }

    /// The value of the header `Authorization`.
    var authorization: String { "Bearer \(secret)" }

    var description: String { "the token in \(origin)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: ["origin": origin]) }
}
