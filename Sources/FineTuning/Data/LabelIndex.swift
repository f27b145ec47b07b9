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

    /// The id of a name.
    public func id(of name: String) -> Int? { ids[name] }

    /// The label id of each example, in their order.
    ///
    /// - Throws: ``DataError`` naming the line of the first label that is not among the names.
    public func ids(of dataset: Dataset) throws(DataError) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(dataset.count)
        for example in dataset.examples {
            let name = try dataset.className(of: example)
            guard let id = ids[name] else {
                throw DataError(
                    dataset.source, line: example.line,
                    .unknownLabel(name, known: names, nearest: NearestName.to(name, among: names)))
            }
            result.append(id)
        }
        return result
    }
}

extension Dataset {
    fileprivate func className(of example: Example) throws(DataError) -> String {
        if let name = example.label?.className { return name }
        throw DataError(
            source, line: example.line,
            .unsuitableLabels(found: example.label?.kind ?? "missing", objective: .classification))
    }

    fileprivate func oneLabelProblem(_ name: String?) -> DataError.Problem {
        name.map { .oneLabel($0, examples: count) } ?? .empty
    }
}
