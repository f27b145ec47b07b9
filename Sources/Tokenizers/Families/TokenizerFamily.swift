/// The kinds of tokenizers that transformers makes of files older than tokenizer.json.
enum TokenizerFamily: CaseIterable, Sendable {
    case bert
    case mpnet
    case roberta
    case xlmRoberta
    case camembert
    case debertaV2
    case albert
    case t5

    /// The classes of transformers, without `Tokenizer` or `TokenizerFast`.
    private var classes: [String] {
        switch self {
        case .bert: ["Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert"]
        case .mpnet: ["MPNet"]
        case .roberta: ["Roberta"]
        case .xlmRoberta: ["XLMRoberta"]
        case .camembert: ["Camembert"]
        case .debertaV2: ["DebertaV2"]
        case .albert: ["Albert"]
        case .t5: ["T5", "MT5"]
        }
    }

    /// What `model_type` of config.json names whose tokenizers are of this kind.
    private var modelTypes: [String] {
        switch self {
        case .bert: ["bert", "distilbert", "electra", "mobilebert", "convbert", "squeezebert", "nomic_bert"]
        case .mpnet: ["mpnet"]
        case .roberta: ["roberta"]
        case .xlmRoberta: ["xlm-roberta"]
        case .camembert: ["camembert"]
        case .debertaV2: ["deberta-v2"]
        case .albert: ["albert"]
        case .t5: ["t5", "mt5", "umt5"]
        }
    }

    /// The file with the vocabulary.
    var vocabularyName: String {
        switch self {
        case .bert, .mpnet: "vocab.txt"
        case .roberta: "vocab.json"
        case .xlmRoberta, .camembert: "sentencepiece.bpe.model"
        case .debertaV2: "spm.model"
        case .albert, .t5: "spiece.model"
        }
    }

    /// Whether the vocabulary's file has the special tokens too; a SentencePiece file may lack some.
    var hasWholeVocabulary: Bool { [.bert, .mpnet, .roberta].contains(self) }

    /// The family of a class of transformers, nil where it is of none.
    init?(className: String) {
        let suffix = ["TokenizerFast", "Tokenizer"].first { className.hasSuffix($0) }
        guard let suffix, case let name = String(className.dropLast(suffix.count)),
            let family = Self.allCases.first(where: { $0.classes.contains(name) })
        else { return nil }
        self = family
    }

    /// The family of the tokenizers of a model, nil where it is of none.
    init?(modelType: String) {
        guard let family = Self.allCases.first(where: { $0.modelTypes.contains(modelType) }) else { return nil }
        self = family
    }

    /// All classes, for errors.
    static let allClasses = allCases.flatMap { $0.classes.map { "\($0)Tokenizer" } }
    /// All types of models, for errors.
    static let allModelTypes = allCases.flatMap(\.modelTypes)
}

extension TokenizerFamily {
    /// The special tokens of the family's class where no file names them, and how one is found that a file names by its
    /// text alone, in the order in which transformers adds them.
    var tokens: [(role: TokenizerConfig.Role, statement: TokenStatement)] {
        func all(
            _ texts: [(TokenizerConfig.Role, String)], _ change: (TokenizerConfig.Role, inout TokenStatement) -> Void
        ) -> [(role: TokenizerConfig.Role, statement: TokenStatement)] {
            texts.map { role, text in
                var statement = TokenStatement(text)
                change(role, &statement)
                return (role, statement)
            }
        }
        let fairseq: [(TokenizerConfig.Role, String)] = [
            (.beginning, "<s>"), (.end, "</s>"), (.unknown, "<unk>"), (.separator, "</s>"), (.padding, "<pad>"),
            (.classification, "<s>"), (.mask, "<mask>"),
        ]
        let bert: [(TokenizerConfig.Role, String)] = [
            (.unknown, "[UNK]"), (.separator, "[SEP]"), (.padding, "[PAD]"), (.classification, "[CLS]"),
            (.mask, "[MASK]"),
        ]
        switch self {
        case .bert: return all(bert) { _, _ in }
        case .debertaV2:
            return all([(.beginning, "[CLS]"), (.end, "[SEP]")] + bert) { role, token in
                if role == .unknown { token.setFlags(isNormalized: true, isSpecial: true) }
            }
        case .albert:
            return all([
                (.beginning, "[CLS]"), (.end, "[SEP]"), (.unknown, "<unk>"), (.separator, "[SEP]"),
                (.padding, "<pad>"), (.classification, "[CLS]"), (.mask, "[MASK]"),
            ]) { role, token in
                if role == .mask { token.setFlags(stripsLeft: true, isNormalized: false) }
            }
        case .mpnet:
            return all(fairseq.map { ($0, $0 == .unknown ? "[UNK]" : $1) }) { role, token in
                token.setFlags(stripsLeft: role == .mask, isNormalized: false, isSpecial: true)
            }
        case .roberta:
            return all(fairseq) { role, token in
                token.setFlags(stripsLeft: role == .mask, isNormalized: role != .mask)
            }
        case .xlmRoberta, .camembert:
            return all(fairseq) { role, token in
                if role == .mask { token.setFlags(stripsLeft: true, isNormalized: false, isSpecial: true) }
            }
        case .t5:
            return all([(.end, "</s>"), (.unknown, "<unk>"), (.padding, "<pad>")]) { _, token in
                token.setFlags(isNormalized: false, isSpecial: true)
            }
        }
    }
}
