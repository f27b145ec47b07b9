/// Takes the white space at the ends of tokens out of their offsets: `trim_offsets` of the post-processors ByteLevel and
/// RobertaProcessing.
///
/// A byte-level token has the space before a word in it, “Ġword”, and its offsets with it.
struct OffsetTrimming: Equatable, Sendable {
    /// A token at the beginning with one space before it is left alone: the pre-tokenizer put that space there.
    let addsPrefixSpace: Bool

    /// Trims the tokens of one text, or of the words of one.
    ///
    /// What counts is the white space a token is written with, as far as its offsets reach; of an added token, that of
    /// the stretch it was found as, which may be more than the token itself.
    ///
    /// - Parameters:
    ///   - sources: the text, or all of its words.
    ///   - isSplit: whether it is words.
    func trim(
        _ tokens: inout Tokens, of sources: [String], isSplit: Bool, _ vocabulary: Vocabulary, _ added: AddedTokens
    ) {
        for index in tokens.ids.indices {
            let offsets = tokens.offsets[index]
            var (leading, trailing) = (0, 0)
            if added.has(tokens.ids[index]) {
                let source = sources[isSplit ? tokens.words[index] ?? 0 : 0]
                (leading, trailing) = Self.spaces(
                    source.unicodeScalars.dropFirst(offsets.lowerBound).prefix(offsets.count))
            } else {
                (leading, trailing) = vocabulary.withToken(of: tokens.ids[index], Self.spaces(ofToken:)) ?? (0, 0)
            }
            guard leading > 0 || trailing > 0 else { continue }
            let isFirst = index == 0 || offsets.lowerBound == 0
            if addsPrefixSpace, isFirst, leading == 1 { leading = 0 }
            let start = min(offsets.lowerBound + leading, offsets.upperBound)
            // More spaces than the whole text before it has cannot be trimmed; then none is.
            let end = offsets.upperBound - (trailing > offsets.upperBound ? 0 : trailing)
            tokens.offsets[index] = start..<max(start, end)
        }
    }

    /// The same of a token of the vocabulary: nearly all are “word” or “Ġword” in ASCII.
    @inline(__always)
    private static func spaces(ofToken bytes: UnsafeBufferPointer<UInt8>) -> (leading: Int, trailing: Int) {
        func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }
        guard let first = bytes.first, let last = bytes.last else { return (0, 0) }
        if isVisible(last) {
            if isVisible(first) { return (0, 0) }
            if bytes.count > 2, first == 0xC4, bytes[1] == 0xA0, isVisible(bytes[2]) { return (1, 0) }
        }
        return spaces(String(decoding: bytes, as: UTF8.self).unicodeScalars)
    }

    /// How many spaces a text begins and ends with, as such or as “Ġ”.
    private static func spaces(_ scalars: some BidirectionalCollection<Unicode.Scalar>) -> (leading: Int, trailing: Int)
    {
        let tables = UnicodeTables.shared
        let isText = { (scalar: Unicode.Scalar) in
            scalar.value != 0x120 && !tables[scalar.value].contains(.whitespace)
        }
        return (scalars.prefix { !isText($0) }.count, scalars.reversed().prefix { !isText($0) }.count)
    }
}
