/// What a tag says about a word: outside of every entity, or its place in an entity of a type.
///
/// Tags are written `O`, or `B-`, `I-`, `E-` or `S-` and a type: both BIO and IOBES. A letter without a type, as `B`, is of
/// the type `_`, as seqeval has it.
struct Tag: Sendable, Hashable {
    /// The place in an entity.
    enum Place: Character, Sendable, CaseIterable {
        case outside = "O"
        case begin = "B"
        case inside = "I"
        case end = "E"
        case single = "S"
    }

    let place: Place
    /// The entity's type; empty outside.
    let type: String

    /// Outside of every entity.
    static let outside = Tag(place: .outside, type: "")

    /// The given parts.
    init(place: Place, type: String) { (self.place, self.type) = (place, type) }

    /// Reads a tag; nil if it is none.
    init?(_ name: String) {
        guard let letter = name.first, let place = Place(rawValue: letter) else { return nil }
        let rest = name.dropFirst()
        switch (place, rest.first) {
        case (.outside, nil): self = .outside
        case (.outside, _): return nil
        case (_, nil): self.init(place: place, type: "_")
        case (_, "-") where rest.count > 1: self.init(place: place, type: String(rest.dropFirst()))
        default: return nil
        }
    }

    /// As it is written.
    var name: String { place == .outside ? "O" : "\(place.rawValue)-\(type)" }

    /// Whether a word with this tag goes on with the entity that the word before, with `previous`, is in.
    func continues(_ previous: Tag) -> Bool {
        (place == .inside || place == .end) && (previous.place == .begin || previous.place == .inside)
            && type == previous.type
    }
}
