/// The stages in order: added tokens, normalizer, pre-tokenizer, model, truncation, post-processor.
struct TokenizerPipeline: Tokenizer {
    let normalizer: Normalizer?
    let preTokenizer: PreTokenizer?
    let model: any SubwordModel
    let postProcessor: PostProcessor
    let addedTokens: AddedTokens
    let specialTokens: SpecialTokens
    let statedLimits: StatedLimits
    /// The fast way, where there is one for these stages.
    private let scanner: (any TextScanner)?

    init(
        normalizer: Normalizer?, preTokenizer: PreTokenizer?, model: any SubwordModel, postProcessor: PostProcessor,
        addedTokens: AddedTokens, specialTokens: SpecialTokens, statedLimits: StatedLimits
    ) {
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.model = model
        self.postProcessor = postProcessor
        self.addedTokens = addedTokens
        self.specialTokens = specialTokens
        self.statedLimits = statedLimits
        scanner = Self.scanner(normalizer, preTokenizer, model, addedTokens)
    }

    private static func scanner(
        _ normalizer: Normalizer?, _ preTokenizer: PreTokenizer?, _ model: any SubwordModel, _ addedTokens: AddedTokens
    ) -> (any TextScanner)? {
        switch (normalizer, preTokenizer, model) {
        case (.bert(let normalizer)?, .bert?, let model as WordPiece):
            BertScanner(normalizer, model, addedTokens)
        default: nil
        }
    }

    // MARK: The vocabulary

    /// Added tokens the model's vocabulary does not have.
    private var newTokens: [AddedToken] { addedTokens.tokens.filter { model.vocabulary.id(of: $0.content) == nil } }

    var vocabularySize: Int { model.vocabulary.count + newTokens.count }
    var idLimit: Int { max(model.vocabulary.idLimit, (newTokens.map { Int($0.id) + 1 }).max() ?? 0) }

    func id(of token: String) -> Int32? {
        model.vocabulary.id(of: token) ?? addedTokens.id(of: token)
    }

    func token(of id: Int32) -> String? {
        addedTokens.tokens.first { $0.id == id }?.content ?? model.vocabulary.token(of: id)
    }

    // MARK: Tokenizing

    func specialTokenCount(forPair isPair: Bool) -> Int { postProcessor.specialTokenCount(forPair: isPair) }

    func tokenize(
        _ text: String, pairedWith second: String?, truncation: Truncation?
    ) throws(TokenizerError) -> TokenizedText {
        let room = try room(truncation, forPair: second != nil)
        var texts = [tokens(of: text, atMost: second == nil ? enough(truncation, room) : .max)]
        if let second { texts.append(tokens(of: second, atMost: .max)) }
        try shorten(&texts, truncation, room)
        for (index, text) in [text, second ?? ""].prefix(texts.count).enumerated() {
            postProcessor.trimming?.trim(&texts[index], of: [text], isSplit: false, model.vocabulary, addedTokens)
        }
        return postProcessor.assemble(texts)
    }

    func tokenize(words: [String], truncation: Truncation?) throws(TokenizerError) -> TokenizedText {
        let room = try room(truncation, forPair: false)
        let enough = enough(truncation, room)
        var tokens = Tokens()
        for (index, word) in words.enumerated() where tokens.ids.count < enough {
            let ofWord = self.tokens(of: word, atMost: .max)
            tokens.ids += ofWord.ids
            tokens.offsets += ofWord.offsets
            tokens.words += repeatElement(Int?.some(index), count: ofWord.ids.count)
        }
        var texts = [tokens]
        try shorten(&texts, truncation, room)
        postProcessor.trimming?.trim(&texts[0], of: words, isSplit: true, model.vocabulary, addedTokens)
        return postProcessor.assemble(texts)
    }

    /// The most tokens the texts may have, without the special ones.
    private func room(_ truncation: Truncation?, forPair isPair: Bool) throws(TokenizerError) -> Int {
        guard let truncation else { return .max }
        let added = specialTokenCount(forPair: isPair)
        guard truncation.limit >= added else {
            throw .limitTooSmall(limit: truncation.limit, specialTokens: added)
        }
        return truncation.limit - added
    }

    /// After how many tokens a single text need not be read on. One too many tells that some must go.
    private func enough(_ truncation: Truncation?, _ room: Int) -> Int {
        guard let truncation, truncation.side == .right, truncation.strategy != .onlySecond else { return .max }
        return room == .max ? .max : room + 1
    }

    private func shorten(
        _ texts: inout [Tokens], _ truncation: Truncation?, _ room: Int
    ) throws(TokenizerError) {
        guard let truncation else { return }
        let lengths = try truncation.lengths(
            first: texts[0].ids.count, second: texts.count == 2 ? texts[1].ids.count : nil, room: room)
        texts[0].keep(truncation.kept(of: texts[0].ids.count, atMost: lengths.first))
        if texts.count == 2 { texts[1].keep(truncation.kept(of: texts[1].ids.count, atMost: lengths.second)) }
    }

    // MARK: One text

    /// The tokens of one text, at least up to `maximum`.
    private func tokens(of text: String, atMost maximum: Int) -> Tokens {
        scanner?.tokens(of: text, atMost: maximum) ?? tokensByStages(of: text, atMost: maximum)
    }

    private func tokensByStages(of text: String, atMost maximum: Int) -> Tokens {
        let scalars = text.unicodeScalars.map(\.value)
        var tokens = Tokens()
        var word = 0
        for part in addedTokens.splitVerbatim(scalars) where tokens.ids.count < maximum {
            if let id = part.id {
                tokens.append(id, part.range, word: word)
                word += 1
                continue
            }
            var normalized = NormalizedText(scalars[part.range], origin: part.range.lowerBound)
            normalizer?.apply(to: &normalized)
            for part in addedTokens.splitNormalized(normalized.scalars) where tokens.ids.count < maximum {
                if let id = part.id {
                    tokens.append(id, normalized.original(of: part.range), word: word)
                    word += 1
                    continue
                }
                var split = SplitText(normalized, part.range)
                preTokenizer?.apply(to: &split)
                model.spell(split.words, of: split.text, firstWord: word, atMost: maximum, into: &tokens)
                word += split.words.count
            }
        }
        return tokens
    }
}
