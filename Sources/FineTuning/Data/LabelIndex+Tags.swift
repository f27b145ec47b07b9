import Files

extension LabelIndex {
    /// The tags that a data set for tagging needs: `O`, then those of each type that any entity has, in the order of code
    /// points. For every type there are `B-` and `I-`, and where the data has an `E-` or `S-` anywhere, these too: a tag that
    /// is rare may be missing from what is learned from, and turn up in what is scored.
    ///
    /// - Throws: ``DataError`` if a label is missing or not of tags, a tag is none, or no word is in an entity.
    public init(ofTagsIn dataset: Dataset) throws(DataError) {
        var (types, usesEnds, words) = (Set<String>(), false, 0)
        for example in dataset.examples {
            for (place, name) in try dataset.tags(of: example).enumerated() {
                let tag = try dataset.tag(name, at: place, of: example)
                words += 1
                if tag.place != .outside { types.insert(tag.type) }
                usesEnds = usesEnds || tag.place == .end || tag.place == .single
            }
        }
        if types.isEmpty { throw DataError(dataset.source, .noEntities(words: words)) }
        let places: [Tag.Place] = usesEnds ? [.begin, .end, .inside, .single] : [.begin, .inside]
        let names = places.flatMap { place in types.map { Tag(place: place, type: $0).name } }
        self.init(
            [Tag.outside.name] + names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) })
    }

    /// The ids of the tags of each example.
    ///
    /// - Throws: ``DataError`` naming the line of the first tag that is none, or not among the names.
    public func tagIDs(of dataset: Dataset) throws(DataError) -> [[Int]] {
        var result: [[Int]] = []
        result.reserveCapacity(dataset.count)
        for example in dataset.examples {
            var ids: [Int] = []
            for (place, name) in try dataset.tags(of: example).enumerated() {
                let tag = try dataset.tag(name, at: place, of: example)
                guard let id = id(of: tag.name) else {
                    throw DataError(
                        dataset.source, line: example.line,
                        .unknownLabel(name, known: names, nearest: NearestName.to(name, among: names)))
                }
                ids.append(id)
            }
            result.append(ids)
        }
        return result
    }
}

extension Dataset {
    fileprivate func tags(of example: Example) throws(DataError) -> [String] {
        if case .tags(let tags) = example.label { return tags }
        throw DataError(
            source, line: example.line, .unsuitableLabels(found: example.label?.kind ?? "missing", objective: .tagging))
    }

    fileprivate func tag(_ name: String, at place: Int, of example: Example) throws(DataError) -> Tag {
        if let tag = Tag(name) { return tag }
        let word = example.tokens?[place] ?? ""
        throw DataError(source, line: example.line, .invalidTag(name, word: word, number: place + 1))
    }
}
