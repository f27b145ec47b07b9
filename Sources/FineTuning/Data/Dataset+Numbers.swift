/// Data sets of which each label is a number.
extension Dataset {
    /// The number of each example.
    ///
    /// - Throws: ``DataError`` naming the line of the first label that is missing or no number.
    func numbers(for objective: Objective) throws(DataError) -> [Double] {
        var numbers: [Double] = []
        numbers.reserveCapacity(count)
        for example in examples {
            guard let number = example.label?.score else {
                if let name = example.label?.className {
                    throw DataError(source, line: example.line, .notANumber(name, objective: objective))
                }
                let found = example.label?.kind ?? "missing"
                throw DataError(source, line: example.line, .unsuitableLabels(found: found, objective: objective))
            }
            numbers.append(number)
        }
        return numbers
    }

    /// What scores of similarity are divided by to be cosines: 1 where all are from −1 to 1, 5 where all are from 0 to 5, as
    /// those of STS are.
    ///
    /// - Throws: ``DataError`` naming the line of a score that is neither.
    func scoreScale() throws(DataError) -> Float {
        let scores = try numbers(for: .similarity)
        if scores.allSatisfy({ (-1...1).contains($0) }) { return 1 }
        for (example, score) in zip(examples, scores) where !(0...5).contains(score) {
            throw DataError(source, line: example.line, .scoreOutOfRange(score))
        }
        return 5
    }

    /// Checks that each example is a pair or a triplet.
    ///
    /// - Throws: ``DataError`` naming the line of the first that is none.
    func checkPairs() throws(DataError) {
        for example in examples where example.pair == nil {
            throw DataError(source, line: example.line, .noPair(objective: .similarity))
        }
    }
}
