/// What a SentencePiece file (`spm.model`, `sentencepiece.bpe.model`, `spiece.model`) says: the message `ModelProto` of
/// sentencepiece_model.proto, as far as transformers reads it.
struct SentencePieceModel: Sendable {
    /// A token, in the order of the ids.
    struct Piece: Equatable, Sendable {
        /// The text, a space written as ▁. Valid UTF-8.
        var text: [UInt8]
        var score: Float
        var kind = Kind.normal
    }

    /// What a piece is for.
    enum Kind: UInt64, Sendable {
        case normal = 1
        case unknown = 2
        /// Not found in texts by SentencePiece itself, as `</s>`.
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    /// What was trained.
    enum Algorithm: UInt64, Sendable {
        case unigram = 1
        case bytePairs = 2
        case words = 3
        case characters = 4
    }

    private(set) var pieces: [Piece] = []
    private(set) var algorithm = Algorithm.unigram
    private(set) var unknownID = 0
    private(set) var unknownText = "<unk>"
    /// How characters are normalized, in SentencePiece's own format; empty where they are not.
    private(set) var charactersMap: [UInt8] = []

    init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
        var reader = ProtobufReader(bytes, file: file)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let range)): pieces.append(try Self.piece(reader.message(range)))
            case (2, .bytes(let range)): try readTraining(reader.message(range))
            case (3, .bytes(let range)): try readNormalization(reader.message(range))
            case (1...3, _): throw reader.failure("field \(field.number) is no message")
            default: continue
            }
        }
        guard !pieces.isEmpty else { throw reader.failure("no pieces; is this a SentencePiece model?") }
        guard pieces.indices.contains(unknownID) else {
            throw reader.failure("the unknown piece is \(unknownID), and there are \(pieces.count) pieces")
        }
    }

    private static func piece(_ message: ProtobufReader) throws(TokenizerError) -> Piece {
        var reader = message
        var piece = Piece(text: [], score: 0)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let range)): piece.text = Array(reader[range])
            case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .varint(let number)):
                guard let kind = Kind(rawValue: number) else {
                    throw reader.failure("a piece is of kind \(number); expected 1 to 6")
                }
                piece.kind = kind
            case (1...3, _): throw reader.failure("a piece has field \(field.number) of another kind")
            default: continue
            }
        }
        guard !piece.text.isEmpty, String(validating: piece.text, as: UTF8.self) != nil else {
            throw reader.failure("a piece is empty or not UTF-8")
        }
        guard piece.score.isFinite else { throw reader.failure("the score of a piece is \(piece.score)") }
        return piece
    }

    private mutating func readTraining(_ message: ProtobufReader) throws(TokenizerError) {
        var reader = message
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (3, .varint(let number)):
                guard let algorithm = Algorithm(rawValue: number) else {
                    throw reader.failure("the model is of type \(number); expected 1 to 4")
                }
                self.algorithm = algorithm
            case (40, .varint(let number)):
                // A negative number is written as ten bytes; it would say there is no unknown piece.
                guard let id = Int(exactly: number) else { throw reader.failure("the unknown piece has no id") }
                unknownID = id
            case (45, .bytes(let range)):
                guard let text = String(validating: reader[range], as: UTF8.self) else {
                    throw reader.failure("the unknown piece is not UTF-8")
                }
                unknownText = text
            default: continue
            }
        }
    }

    private mutating func readNormalization(_ message: ProtobufReader) throws(TokenizerError) {
        var reader = message
        while let field = try reader.next() {
            if case (2, .bytes(let range)) = (field.number, field.value) { charactersMap = Array(reader[range]) }
        }
    }
}
