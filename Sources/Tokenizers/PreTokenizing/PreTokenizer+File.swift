extension PreTokenizer {
    /// Reads a pre-tokenizer of tokenizer.json.
    init(_ json: JSONObject) throws(TokenizerError) {
        let type = try json.type()
        switch type {
        case "BertPreTokenizer": self = .bert
        case "Whitespace": self = .whitespace
        case "WhitespaceSplit": self = .whitespaceSplit
        case "Punctuation":
            try json.allow(only: ["type", "behavior"])
            self = .punctuation(json["behavior"] == nil ? .isolated : try Behavior(json))
            return
        case "Metaspace":
            self = .metaspace(try Metaspace(json))
            return
        case "Digits":
            try json.allow(only: ["type", "individual_digits"])
            self = .digits(each: try json.flag("individual_digits"))
            return
        case "Split":
            try json.allow(only: ["type", "pattern", "behavior", "invert"])
            self = .split(
                try Pattern(json.object("pattern")), try Behavior(json), isInverted: try json.flag("invert"))
            return
        case "ByteLevel":
            try json.allow(only: ["type", "add_prefix_space", "trim_offsets", "use_regex"])
            // What trims offsets is the post-processor, whatever is said of it here.
            _ = try json.flag("trim_offsets")
            self = .byteLevel(
                ByteLevel(
                    addsPrefixSpace: try json.flag("add_prefix_space"),
                    usesPattern: try json.optionalFlag("use_regex") ?? true))
            return
        case "Sequence":
            try json.allow(only: ["type", "pretokenizers"])
            var preTokenizers: [PreTokenizer] = []
            for preTokenizer in try json.objects("pretokenizers") {
                preTokenizers.append(try PreTokenizer(preTokenizer))
            }
            self = .sequence(preTokenizers)
            return
        default:
            let supported = [
                "BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Metaspace", "Digits", "Split",
                "ByteLevel", "Sequence",
            ]
            throw json.unsupported("pre-tokenizer", supported, found: type)
        }
        try json.allow(only: ["type"])
    }
}

extension PreTokenizer.Behavior {
    fileprivate init(_ json: JSONObject) throws(TokenizerError) {
        guard let behavior = Self(rawValue: try json.string("behavior")) else {
            throw json.unexpected("behavior", Self.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self = behavior
    }
}

extension Metaspace {
    fileprivate init(_ json: JSONObject) throws(TokenizerError) {
        // Older files have add_prefix_space for the scheme, and str_rep, which repeats the replacement.
        try json.allow(only: ["type", "replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"])
        let replacement = Array(try json.string("replacement").unicodeScalars)
        guard replacement.count == 1 else { throw json.unexpected("replacement", "one character") }
        let scheme = try json.optionalString("prepend_scheme") ?? Prepending.always.rawValue
        guard let prepending = Prepending(rawValue: scheme) else {
            throw json.unexpected("prepend_scheme", Prepending.allCases.map(\.rawValue).joined(separator: ", "))
        }
        if try json.optionalFlag("add_prefix_space") == false, prepending != .never {
            throw json.unexpected("add_prefix_space", "true, or prepend_scheme “never” beside it")
        }
        self.init(
            replacement: replacement[0].value, prepending: prepending, splits: try json.optionalFlag("split") ?? true)
    }
}
