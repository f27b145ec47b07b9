import Files

/// The names of a task's labels; a label's place among them is its id.
public struct LabelIndex: Sendable, Equatable {
    /// The names in the order of their ids.
    public let names: [String]
    private let ids: [String: Int]

    /// The labels of a head, as its folder lists them.
    ///
    /// - Precondition: no name stands twice.
    public init(_ names: [String]) {
        self.names = names
        ids = Dictionary(uniqueKeysWithValues: zip(names, 0...))
    }

    /// The labels of a data set for classification in the order of Python's `sorted(set(labels))`: numbers by value, text
    /// by code points.
    ///
    /// - Throws: ``DataError`` if there is one label only, or a label is missing or a list.
    public init(of dataset: Dataset) throws(DataError) {
        var numbers: [String: Double] = [:]
        var names: Set<String> = []
        for example in dataset.examples {
            let name = try dataset.className(of: example)
            names.insert(name)
            if case .number(let number) = example.label { numbers[name] = number }
        }
        if names.count < 2 { throw DataError(dataset.source, dataset.oneLabelProblem(names.first)) }
        // Swift orders strings by canonical equivalence, Python by code points.
        self.init(
            names.sorted { left, right in
                if let leftNumber = numbers[left], let rightNumber = numbers[right] { return leftNumber < rightNumber }
                return left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars)
            })
    }

    /// The labels of a data set of which each text has any number, in the order of their code points.
    ///
    /// - Throws: ``DataError`` if no text has any, or a label is missing or of tags.
    public init(ofListsIn dataset: Dataset) throws(DataError) {
        var names: Set<String> = []
        for example in dataset.examples { names.formUnion(try dataset.classNames(of: example)) }
        if names.isEmpty { throw DataError(dataset.source, .noLabels(examples: dataset.count)) }
        self.init(names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) })
    }

    /// The label ids of each example, in ascending order; a single label is a list of one.
    ///
    /// - Throws: ``DataError`` naming the line of the first label that is not among the names.
    public func idLists(of dataset: Dataset) throws(DataError) -> [[Int]] {
        var result: [[Int]] = []
        result.reserveCapacity(dataset.count)
        for example in dataset.examples {
            var row: Set<Int> = []
            for name in try dataset.classNames(of: example) { row.insert(try id(of: name, example, dataset)) }
            result.append(row.sorted())
        }
        return result
    }

    /// The id of a name.
    public func id(of name: String) -> Int? { ids[name] }

    /// The label id of each example, in their order.
    ///
    /// - Throws: ``DataError`` naming the line of the first label that is not among the names.
    public func ids(of dataset: Dataset) throws(DataError) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(dataset.count)
        for example in dataset.examples {
            result.append(try id(of: dataset.className(of: example), example, dataset))
        }
        return result
    }

    private func id(of name: String, _ example: Example, _ dataset: Dataset) throws(DataError) -> Int {
        if let id = ids[name] { return id }
        throw DataError(
            dataset.source, line: example.line,
            .unknownLabel(name, known: names, nearest: NearestName.to(name, among: names)))
    }
}

extension Dataset {
    fileprivate func className(of example: Example) throws(DataError) -> String {
        if let name = example.label?.className { return name }
        throw DataError(
            source, line: example.line,
            .unsuitableLabels(found: example.label?.kind ?? "missing", objective: .classification))
    }

    fileprivate func classNames(of example: Example) throws(DataError) -> [String] {
        switch example.label {
        case .names(let names): return names
        case .name, .number: return example.label?.names ?? []
        case .tags, nil:
            throw DataError(
                source, line: example.line,
                .unsuitableLabels(found: example.label?.kind ?? "missing", objective: .multilabel))
        }
    }

    fileprivate func oneLabelProblem(_ name: String?) -> DataError.Problem {
        name.map { .oneLabel($0, examples: count) } ?? .empty
    }
}
