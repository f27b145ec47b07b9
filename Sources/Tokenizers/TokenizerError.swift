/// Why a tokenizer could not be loaded, or a text not be tokenized.
public enum TokenizerError: Error, Equatable, Sendable {
    /// The folder has none of the files a tokenizer can be read from.
    case missingFiles(folder: String, expected: [String])
    /// The file could not be read.
    case unreadableFile(file: String, reason: String)
    /// The file is not JSON; `offset` counts bytes from its start.
    case invalidJSON(file: String, offset: Int, reason: String)
    /// The file is not a SentencePiece model; `offset` counts bytes from its start.
    case invalidSentencePiece(file: String, offset: Int, reason: String)
    /// The file is not UTF-8 text.
    case notUTF8(file: String)
    /// A field that must be there is not.
    case missingField(file: String, field: String)
    /// A field holds something else than it must.
    case unexpectedValue(file: String, field: String, found: String, expected: String)
    /// A field Graft does not know, and so cannot honour.
    case unknownField(file: String, field: String)
    /// A stage of the tokenizer is of a kind Graft does not have.
    case unsupportedComponent(file: String, stage: String, found: String, supported: [String])
    /// A vocabulary holds a token twice.
    case duplicateToken(file: String, token: String)
    /// A vocabulary gives two tokens one id.
    case duplicateID(file: String, id: Int, tokens: [String])
    /// A token that must be in the vocabulary is not.
    case missingToken(file: String, token: String, role: String)
    /// A file names an id for a token, and the vocabulary has another.
    case wrongID(file: String, token: String, found: Int, expected: Int)
    /// Two files of a folder say different things.
    case conflict(folder: String, field: String, first: String, second: String)
    /// The limit leaves no room for the special tokens.
    case limitTooSmall(limit: Int, specialTokens: Int)
    /// The text that is to be shortened is shorter than what must go; `strategy` says which text that is.
    case cannotTruncate(strategy: String, tokens: Int, excess: Int)
    /// Only the second text is to be shortened, and there is none.
    case missingSecondText(tokens: Int, limit: Int)
    /// The encoder has no embedding for the segments that the tokenizer gives a pair of texts.
    case noSegment(found: Int, segments: Int)
}

extension TokenizerError: CustomStringConvertible {
    /// What was found, what was expected and what to do, in one line.
    public var description: String {
        switch self {
        case .missingFiles(let folder, let expected):
            "\(folder) has no tokenizer: expected \(expected.joined(separator: " or "))"
        case .unreadableFile(let file, let reason):
            "\(file) cannot be read: \(reason)"
        case .invalidJSON(let file, let offset, let reason):
            "\(file) is not valid JSON at byte \(offset): \(reason)"
        case .invalidSentencePiece(let file, let offset, let reason):
            "\(file) is not a valid SentencePiece model at byte \(offset): \(reason)"
        case .notUTF8(let file):
            "\(file) is not UTF-8 text; save it as UTF-8"
        case .missingField(let file, let field):
            "\(file) has no “\(field)”, which a tokenizer needs"
        case .unexpectedValue(let file, let field, let found, let expected):
            "\(file): “\(field)” is \(found); expected \(expected)"
        case .unknownField(let file, let field):
            "\(file): “\(field)” is unknown to Graft, and ignoring it could change the tokens; remove it if it is idle"
        case .unsupportedComponent(let file, let stage, let found, let supported):
            "\(file): the \(stage) is \(found), which Graft does not have; "
                + "it has \(supported.joined(separator: ", "))"
        case .duplicateToken(let file, let token):
            "\(file) holds the token “\(token)” twice; each token may stand once"
        case .duplicateID(let file, let id, let tokens):
            "\(file) gives id \(id) to \(tokens.map { "“\($0)”" }.joined(separator: " and ")); each id may stand once"
        case .missingToken(let file, let token, let role):
            "\(file) has no token “\(token)” for \(role); add it to the vocabulary or name another"
        case .wrongID(let file, let token, let found, let expected):
            "\(file) gives “\(token)” the id \(found), but in the vocabulary its id is \(expected)"
        case .conflict(let folder, let field, let first, let second):
            "\(folder): \(first) and \(second) disagree on \(field); make them agree"
        case .limitTooSmall(let limit, let specialTokens):
            "a limit of \(limit) tokens leaves no room: \(specialTokens) special tokens must fit"
        case .cannotTruncate(let strategy, let tokens, let excess):
            "cannot shorten by \(excess) tokens with \(strategy): that text has only \(tokens); "
                + "raise the limit or use longest_first"
        case .noSegment(let found, let segments):
            "this model takes no pairs: its tokenizer puts a second text into segment \(found), config.json has"
                + " type_vocab_size \(segments)"
        case .missingSecondText(let tokens, let limit):
            "cannot shorten \(tokens) tokens to \(limit) with only_second: there is no second text"
        }
    }
}
