extension Normalizer {
    /// Reads a normalizer of tokenizer.json.
    init(_ json: JSONObject) throws(TokenizerError) {
        let type = try json.type()
        switch type {
        case "BertNormalizer":
            try json.allow(only: ["type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"])
            let lowercases = try json.flag("lowercase")
            self = .bert(
                BertNormalizer(
                    cleansText: try json.flag("clean_text"), separatesChinese: try json.flag("handle_chinese_chars"),
                    stripsAccents: try json.optionalFlag("strip_accents") ?? lowercases, lowercases: lowercases))
        case "Lowercase":
            try json.allow(only: ["type"])
            self = .lowercase
        case "StripAccents":
            try json.allow(only: ["type"])
            self = .stripAccents
        case "Strip":
            try json.allow(only: ["type", "strip_left", "strip_right"])
            self = .strip(left: try json.flag("strip_left"), right: try json.flag("strip_right"))
        case "Replace":
            try json.allow(only: ["type", "pattern", "content"])
            self = .replace(
                try Pattern(json.object("pattern")), content: try json.string("content").unicodeScalars.map(\.value))
        case "Prepend":
            try json.allow(only: ["type", "prepend"])
            self = .prepend(try json.string("prepend").unicodeScalars.map(\.value))
        case "Nmt":
            try json.allow(only: ["type"])
            self = .machineTranslation
        case "Precompiled":
            try json.allow(only: ["type", "precompiled_charsmap"])
            guard let bytes = [UInt8](base64: try json.string("precompiled_charsmap")), let map = CharacterMap(bytes)
            else { throw json.unexpected("precompiled_charsmap", "the character map of SentencePiece in Base64") }
            self = .characterMap(map)
        case "Sequence":
            try json.allow(only: ["type", "normalizers"])
            var normalizers: [Normalizer] = []
            for normalizer in try json.objects("normalizers") { normalizers.append(try Normalizer(normalizer)) }
            self = .sequence(normalizers)
        default:
            guard let form = NormalizationForm(rawValue: type) else {
                let others = [
                    "BertNormalizer", "Lowercase", "StripAccents", "Strip", "Replace", "Prepend", "Nmt", "Precompiled",
                    "Sequence",
                ]
                throw json.unsupported("normalizer", others + NormalizationForm.allCases.map(\.rawValue), found: type)
            }
            try json.allow(only: ["type"])
            self = .form(form)
        }
    }
}
