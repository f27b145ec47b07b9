extension PostProcessor {
    /// Reads a post-processor of tokenizer.json; its special tokens must have the vocabulary's ids.
    init(_ json: JSONObject, idOf: (String) -> Int32?) throws(TokenizerError) {
        func check(_ token: String, _ id: Int32) throws(TokenizerError) {
            guard let expected = idOf(token) else {
                throw .missingToken(file: json.file, token: token, role: json.path)
            }
            guard id == expected else {
                throw .wrongID(file: json.file, token: token, found: Int(id), expected: Int(expected))
            }
        }
        func id(_ name: String) throws(TokenizerError) -> Int32 {
            let pair = try json.array(name)
            guard pair.count == 2, case .string(let token) = pair[0], case .integer(let number) = pair[1],
                let id = Int32(exactly: number)
            else { throw json.unexpected(name, "a token and its id") }
            try check(token, id)
            return id
        }
        let type = try json.type()
        switch type {
        case "BertProcessing":
            try json.allow(only: ["type", "sep", "cls"])
            self = .bert(classification: try id("cls"), separator: try id("sep"))
        case "RobertaProcessing":
            try json.allow(only: ["type", "sep", "cls", "trim_offsets", "add_prefix_space"])
            self = .roberta(classification: try id("cls"), separator: try id("sep"))
            if try json.flag("trim_offsets") {
                trimming = OffsetTrimming(addsPrefixSpace: try json.flag("add_prefix_space"))
            }
        case "ByteLevel":
            try json.allow(only: ["type", "add_prefix_space", "trim_offsets", "use_regex"])
            self = .none
            if try json.flag("trim_offsets") {
                trimming = OffsetTrimming(addsPrefixSpace: try json.flag("add_prefix_space"))
            }
        case "Sequence":
            try json.allow(only: ["type", "processors"])
            var whole = PostProcessor.none
            for processor in try json.objects("processors") {
                guard let longer = whole.followed(by: try PostProcessor(processor, idOf: idOf)) else {
                    throw json.unexpected("processors", "one that adds special tokens, and one that trims offsets")
                }
                whole = longer
            }
            self = whole
        case "TemplateProcessing":
            try json.allow(only: ["type", "single", "pair", "special_tokens"])
            var special: [(name: String, ids: [Int32])] = []
            let tokens = try json.object("special_tokens")
            for name in tokens.names {
                let token = try tokens.object(name)
                try token.allow(only: ["id", "ids", "tokens"])
                let (ids, texts) = (try token.array("ids"), try token.array("tokens"))
                guard ids.count == texts.count else { throw token.unexpected("ids", "one id a token") }
                var found: [Int32] = []
                for (id, text) in zip(ids, texts) {
                    guard case .integer(let number) = id, let id = Int32(exactly: number) else {
                        throw token.unexpected("ids", "ids")
                    }
                    guard case .string(let text) = text else { throw token.unexpected("tokens", "strings") }
                    try check(text, id)
                    found.append(id)
                }
                special.append((name, found))
            }
            self.init(
                single: try Self.pieces(json.objects("single"), special, texts: 1),
                pair: try Self.pieces(json.objects("pair"), special, texts: 2))
        default:
            let supported = ["TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel", "Sequence"]
            throw json.unsupported("post-processor", supported, found: type)
        }
    }

    private static func pieces(
        _ template: [JSONObject], _ special: [(name: String, ids: [Int32])], texts: Int
    ) throws(TokenizerError) -> [Piece] {
        var pieces: [Piece] = []
        for entry in template {
            try entry.allow(only: ["SpecialToken", "Sequence"])
            if entry.has("SpecialToken") {
                let token = try entry.object("SpecialToken")
                try token.allow(only: ["id", "type_id"])
                let name = try token.string("id")
                guard let ids = special.first(where: { $0.name.isExactly(name) })?.ids else {
                    throw token.unexpected("id", "one of special_tokens")
                }
                pieces.append(.special(ids, segment: try token.id("type_id")))
            } else {
                let text = try entry.object("Sequence")
                try text.allow(only: ["id", "type_id"])
                let names = ["A", "B"].prefix(texts)
                guard let index = names.firstIndex(of: try text.string("id")) else {
                    throw text.unexpected("id", names.joined(separator: " or "))
                }
                pieces.append(.text(index, segment: try text.id("type_id")))
            }
        }
        return pieces
    }
}
