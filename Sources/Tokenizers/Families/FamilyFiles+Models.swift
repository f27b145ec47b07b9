/// The models of the files.
extension FamilyFiles {
    // MARK: vocab.txt

    /// Reads vocab.txt, one token a line.
    func tokenizer(vocabularyLines bytes: [UInt8]) throws(TokenizerError) -> TokenizerFile {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8(file: file) }
        let vocabulary = try Self.vocabulary(lines: bytes, file: file)
        guard let unknown = token(of: .unknown), let id = vocabulary.id(of: unknown.content) else {
            throw .missingToken(
                file: file, token: token(of: .unknown)?.content ?? "null", role: TokenizerConfig.Role.unknown.rawValue)
        }
        return try tokenizer(
            WordPiece(vocabulary, unknown: id, continuation: "##", longestWord: 100), AddedTokenList(vocabulary))
    }

    /// A token's id is the number of lines before it. Lines end as Python reads them: `\n`, `\r\n` or `\r`.
    private static func vocabulary(lines bytes: [UInt8], file: String) throws(TokenizerError) -> Vocabulary {
        var vocabulary = Vocabulary(capacity: bytes.count / 7)
        var (start, position, id) = (0, 0, Int32(0))
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            guard byte == 0x0A || byte == 0x0D || position == bytes.count else { continue }
            let isEnd = byte == 0x0A || byte == 0x0D
            try vocabulary.insert(Array(bytes[start..<(isEnd ? position - 1 : position)]), id: id, file: file)
            if byte == 0x0D, position < bytes.count, bytes[position] == 0x0A { position += 1 }
            (start, id) = (position, id + 1)
        }
        return vocabulary
    }

    // MARK: vocab.json and merges.txt

    /// Reads vocab.json, an object of tokens and ids, and merges.txt.
    func tokenizer(vocabulary bytes: [UInt8], merges: MergeList) throws(TokenizerError) -> TokenizerFile {
        var reader = try JSONReader(bytes, file: file)
        let vocabulary = try Vocabulary(&reader, capacity: bytes.count / 15, path: "")
        try reader.end()
        let model = BytePairEncoding(
            vocabulary, merges: try merges.table(vocabulary, keepsFirst: true), BytePairEncoding.Options())
        return try tokenizer(model, AddedTokenList(vocabulary))
    }

    // MARK: SentencePiece

    /// Reads a SentencePiece file.
    func tokenizer(_ pieces: SentencePieceModel) throws(TokenizerError) -> TokenizerFile {
        let scored = try scoredTokens(pieces)
        var vocabulary = Vocabulary(capacity: scored.count)
        for (index, token) in scored.enumerated() {
            try vocabulary.insert(token.text, id: Int32(index), file: file)
        }
        let model: any SubwordModel
        switch pieces.algorithm {
        case .unigram:
            model = Unigram(
                vocabulary, scores: scored.map(\.score), unknown: try unknownID(pieces, scored.count),
                fallsBackToBytes: false)
        case .bytePairs:
            var options = BytePairEncoding.Options()
            options.unknown = vocabulary.id(of: pieces.unknownText)
            options.fusesUnknown = true
            model = BytePairEncoding(vocabulary, merges: pieces.merges(of: scored, vocabulary), options)
        case .words, .characters:
            throw .unsupportedComponent(
                file: file, stage: "model", found: "\(pieces.algorithm)", supported: ["unigram", "bytePairs"])
        }
        var list = AddedTokenList(vocabulary)
        list.add(
            pieces.pieces.filter { $0.kind == .control || $0.kind == .userDefined }.map { piece in
                var token = TokenStatement(String(decoding: piece.text, as: UTF8.self))
                token.setFlags(isNormalized: false, isSpecial: piece.kind == .control)
                return token
            })
        return try tokenizer(model, list, charactersMap: pieces.charactersMap)
    }

    private func unknownID(_ pieces: SentencePieceModel, _ count: Int) throws(TokenizerError) -> Int32 {
        let id = family == .xlmRoberta || family == .camembert ? 3 : pieces.unknownID
        guard id < count else {
            throw .unexpectedValue(file: file, field: "unk_id", found: "\(id)", expected: "an id below \(count)")
        }
        return Int32(id)
    }

    /// The tokens in the order of the family's ids, which are not always those of the file, with their scores.
    private func scoredTokens(
        _ model: SentencePieceModel
    ) throws(TokenizerError) -> [(text: [UInt8], score: Double)] {
        let pieces = model.pieces.map { (text: $0.text, score: Double($0.score)) }
        func tokens(_ texts: [String]) -> [(text: [UInt8], score: Double)] { texts.map { (Array($0.utf8), 0) } }
        switch family {
        case .xlmRoberta:
            return tokens(["<s>", "<pad>", "</s>", "<unk>"]) + pieces.dropFirst(3) + tokens(["<mask>"])
        case .camembert:
            return tokens(["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>"]) + [(Array("<unk>NOTUSED".utf8), -100)]
                + pieces.dropFirst() + tokens(["<mask>"])
        case .t5: return pieces + tokens((0..<(try sentinelCount())).reversed().map { "<extra_id_\($0)>" })
        case .albert:
            // Numbers with a comma behind are made unlikely, so that they fall apart.
            return pieces.map { Self.isNumberWithComma($0.text) ? ($0.text, $0.score - 100) : $0 }
        default: return pieces
        }
    }

    private static func isNumberWithComma(_ text: [UInt8]) -> Bool {
        let last = String(decoding: text, as: UTF8.self).unicodeScalars.suffix(2)
        guard last.count == 2, last.last == ",", let kind = last.first?.properties.numericType else { return false }
        return kind == .decimal || kind == .digit
    }
}

extension SentencePieceModel {
    /// The merges of a byte-pair model, which its file only implies: each way to cut a token in two others, those of
    /// higher scores first.
    fileprivate func merges(of scored: [(text: [UInt8], score: Double)], _ vocabulary: Vocabulary) -> MergeTable {
        struct Merge {
            let first: Int32
            let second: Int32
            let id: Int32
            let score: Double
            let lengths: (Int, Int)
        }
        // Only the file's own pieces merge, and go by their place in it.
        var places: [[UInt8]: Int32] = [:]
        for (index, piece) in pieces.enumerated() { places[piece.text] = Int32(index) }
        var merges: [Merge] = []
        for token in scored {
            guard let id = vocabulary.id(of: String(decoding: token.text, as: UTF8.self)) else { continue }
            var ways: [(places: (Int32, Int32), lengths: (Int, Int), cut: Int)] = []
            let starts = token.text.indices.filter { token.text[$0] & 0xC0 != 0x80 }
            for (length, cut) in starts.enumerated().dropFirst() {
                guard let first = places[Array(token.text[..<cut])], let second = places[Array(token.text[cut...])]
                else { continue }
                ways.append(((first, second), (length, starts.count - length), cut))
            }
            ways.sort { $0.places < $1.places }
            for way in ways {
                let (first, second) = (token.text[..<way.cut], token.text[way.cut...])
                guard let first = vocabulary.id(of: String(decoding: first, as: UTF8.self)),
                    let second = vocabulary.id(of: String(decoding: second, as: UTF8.self))
                else { continue }
                merges.append(Merge(first: first, second: second, id: id, score: token.score, lengths: way.lengths))
            }
        }
        let order = merges.indices.sorted { left, right in
            let (a, b) = (merges[left], merges[right])
            if a.score != b.score { return a.score > b.score }
            if a.lengths != b.lengths { return a.lengths > b.lengths }
            return left < right
        }
        var table = MergeTable(capacity: merges.count)
        for (rank, index) in order.enumerated() {
            table.insert(merges[index].first, merges[index].second, rank: rank, id: merges[index].id)
        }
        return table
    }
}
