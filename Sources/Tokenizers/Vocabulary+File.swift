extension Vocabulary {
    /// Reads an object of tokens and ids.
    ///
    /// - Parameter path: what stands before a token where an error names it.
    init(_ reader: inout JSONReader, capacity: Int, path: String) throws(TokenizerError) {
        self.init(capacity: capacity)
        var token: [UInt8] = []
        try reader.enterObject()
        while try reader.nextField(into: &token) {
            guard let id = reader.identifier() else {
                throw .unexpectedValue(
                    file: reader.file, field: path + String(decoding: token, as: UTF8.self),
                    found: try reader.value().summary, expected: "a whole number from 0 to \(Int32.max)")
            }
            try insert(token, id: id, file: reader.file)
            token.removeAll(keepingCapacity: true)
        }
    }

    /// Adds a token; a token or an id that is there already is an error that names the file.
    mutating func insert(_ token: [UInt8], id: Int32, file: String) throws(TokenizerError) {
        switch insert(token, id: id) {
        case nil: return
        case .tokenExists: throw .duplicateToken(file: file, token: String(decoding: token, as: UTF8.self))
        case .idExists(let other):
            throw .duplicateID(file: file, id: Int(id), tokens: [other, String(decoding: token, as: UTF8.self)])
        }
    }
}
