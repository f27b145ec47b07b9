/// Added tokens as they come together: the Rust library's rules for a token that is added twice and for the ids of new ones.
struct AddedTokenList {
    private let vocabulary: Vocabulary
    private var byID: [Int32: AddedToken] = [:]

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    /// The tokens by id.
    var tokens: [AddedToken] { byID.values.sorted { $0.id < $1.id } }

    func contains(_ content: String) -> Bool { byID.values.contains { $0.content.isExactly(content) } }

    /// Whether a text is an added token or in the vocabulary.
    func knows(_ content: String) -> Bool { contains(content) || vocabulary.id(of: content) != nil }

    /// Adds tokens. One that is in the vocabulary, or was added before, keeps its id and is found as said last; others
    /// follow on.
    mutating func add(_ statements: [TokenStatement]) {
        var next = max(Int32(vocabulary.count), (byID.keys.max() ?? -1) + 1)
        var ids: [[UInt8]: Int32] = [:]
        for token in byID.values { ids[Array(token.content.utf8)] = token.id }
        for statement in statements where !statement.content.isEmpty {
            let content = Array(statement.content.utf8)
            let id = ids[content] ?? vocabulary.id(of: statement.content) ?? next
            if id == next { next += 1 }
            ids[content] = id
            byID[id] = statement.token(id: id)
        }
    }
}
