/// The name of a model on the Hugging Face Hub: `owner/model`, or `model` for the few that have no owner.
public struct ModelName: Hashable, Sendable, CustomStringConvertible {
    /// The name as the Hub writes it.
    public let description: String

    /// Accepts what the Hub accepts: letters, digits, `-`, `_` and `.`, one slash at most, and nothing that would mean
    /// something else as a file name; throws `malformedName` for the rest.
    public init(_ text: String) throws(ModelHubError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isValid = parts.allSatisfy { part in
            part.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            } && (1...96).contains(part.utf8.count) && !part.hasPrefix("-") && !part.hasPrefix(".")
                && !part.hasSuffix("-") && !part.hasSuffix(".")
        }
        // "--" separates owner and model in a cache folder's name.
        guard isValid, parts.count <= 2, !text.contains("--"), !text.contains("..") else { throw .malformedName(text) }
        description = text
    }

    /// The name as part of a folder's name.
    var folderName: String { description.split(separator: "/").joined(separator: "--") }
}
