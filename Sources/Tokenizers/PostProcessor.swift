/// A stage that sets texts between special tokens: the `post_processor` of tokenizer.json.
struct PostProcessor: Equatable, Sendable {
    /// A stretch of the result.
    enum Piece: Equatable, Sendable {
        /// The tokens of the first (0) or second (1) text.
        case text(Int, segment: Int32)
        /// Special tokens.
        case special([Int32], segment: Int32)
    }

    var single: [Piece]
    var pair: [Piece]
    /// What is done to the offsets of the texts' tokens before.
    var trimming: OffsetTrimming?

    /// Texts as they are, the second one as segment 1.
    static let none = PostProcessor(single: [.text(0, segment: 0)], pair: [.text(0, segment: 0), .text(1, segment: 1)])

    /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`.
    static func bert(classification: Int32, separator: Int32) -> PostProcessor {
        let single: [Piece] = [
            .special([classification], segment: 0), .text(0, segment: 0), .special([separator], segment: 0),
        ]
        return PostProcessor(single: single, pair: single + [.text(1, segment: 1), .special([separator], segment: 1)])
    }

    /// `<s> A </s>` and `<s> A </s></s> B </s>`, all of segment 0.
    static func roberta(classification: Int32, separator: Int32) -> PostProcessor {
        let single: [Piece] = [
            .special([classification], segment: 0), .text(0, segment: 0), .special([separator], segment: 0),
        ]
        let second: [Piece] = [
            .special([separator], segment: 0), .text(1, segment: 0), .special([separator], segment: 0),
        ]
        return PostProcessor(single: single, pair: single + second)
    }

    /// One post-processor after another, nil where both add special tokens or both trim.
    func followed(by next: PostProcessor) -> PostProcessor? {
        func isBare(_ processor: PostProcessor) -> Bool {
            (processor.single, processor.pair) == (Self.none.single, Self.none.pair)
        }
        guard isBare(self) || isBare(next), trimming == nil || next.trimming == nil else { return nil }
        // Special tokens have no offsets, so it is the same whether the others are trimmed before or after.
        let template = isBare(next) ? self : next
        return PostProcessor(single: template.single, pair: template.pair, trimming: trimming ?? next.trimming)
    }

    /// The number of special tokens that are added.
    func specialTokenCount(forPair isPair: Bool) -> Int {
        (isPair ? pair : single).reduce(0) { sum, piece in
            if case .special(let ids, _) = piece { sum + ids.count } else { sum }
        }
    }

    /// Puts one text, or two, between special tokens.
    func assemble(_ texts: [Tokens]) -> TokenizedText {
        var result = TokenizedText()
        for piece in texts.count == 2 ? pair : single {
            switch piece {
            case .text(let index, let segment):
                let tokens = texts[index]
                result.ids += tokens.ids
                result.offsets += tokens.offsets
                result.words += tokens.words
                result.segments += repeatElement(segment, count: tokens.ids.count)
                result.isSpecial += repeatElement(false, count: tokens.ids.count)
            case .special(let ids, let segment):
                result.ids += ids
                result.offsets += repeatElement(0..<0, count: ids.count)
                result.words += repeatElement(nil, count: ids.count)
                result.segments += repeatElement(segment, count: ids.count)
                result.isSpecial += repeatElement(true, count: ids.count)
            }
        }
        return result
    }
}
