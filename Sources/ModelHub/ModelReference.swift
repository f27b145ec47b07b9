/// A model on the Hub at one of its revisions: `owner/model`, or `owner/model@revision`.
public struct ModelReference: Hashable, Sendable, CustomStringConvertible {
    /// The revision that is meant if none is named.
    public static let mainRevision = "main"

    /// The model's name.
    public let name: ModelName
    /// A branch, a tag or a commit.
    public let revision: String

    /// A model at a revision.
    ///
    /// - Throws: `malformedRevision` for a text that Git accepts for none of the three, or that would leave its folder.
    public init(_ name: ModelName, revision: String = mainRevision) throws(ModelHubError) {
        let parts = revision.split(separator: "/", omittingEmptySubsequences: false)
        let isValid = parts.allSatisfy { part in
            !part.isEmpty && !part.hasPrefix(".") && !part.hasPrefix("-")
                && part.unicodeScalars.allSatisfy {
                    $0.value > 0x20 && $0.value != 0x7F && !"\\:?*[~^".contains(Character($0))
                }
        }
        guard isValid, revision.utf8.count <= 255 else { throw .malformedRevision(revision) }
        (self.name, self.revision) = (name, revision)
    }

    /// Reads `name` or `name@revision`.
    public init(_ text: String) throws(ModelHubError) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let name = try ModelName(String(parts[0]))
        try self.init(name, revision: parts.count == 2 ? String(parts[1]) : Self.mainRevision)
    }

    /// Whether the revision is a whole commit, which never moves.
    var isCommit: Bool { Self.isCommit(revision) }

    /// Whether `text` is a whole commit: 40 hexadecimal digits.
    static func isCommit(_ text: String) -> Bool { text.wholeMatch(of: /[0-9a-f]{40}/) != nil }

    /// The name, and the revision if it is another than `main`: what ``init(_:)`` reads.
    public var description: String { revision == Self.mainRevision ? "\(name)" : "\(name)@\(revision)" }
}
