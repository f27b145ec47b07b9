import Foundation
import Matrices
import TestSupport
import Testing

/// The cases of a file of `Fixtures/losses` (`Tests/Peers/make_loss_fixtures.py`).
struct LossFixture<Case: Decodable>: Decodable {
    let cases: [Case]

    /// Those of `Fixtures/losses/<name>.json`, at least one.
    static func cases(_ name: String) throws -> [Case] {
        let data = try Data(contentsOf: Fixtures.url("losses/\(name).json"))
        let cases = try JSONDecoder().decode(LossFixture.self, from: data).cases
        try #require(!cases.isEmpty)
        return cases
    }

    /// Checks a loss and its gradient against PyTorch's in float64; what is left is the rounding of float32.
    static func compare(
        _ found: (loss: Double, gradient: Matrix), _ loss: Double, _ gradient: [[Double]], _ name: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(abs(found.loss - loss) <= 2e-6 * max(1, abs(loss)), "\(name)", sourceLocation: sourceLocation)
        let expected = gradient.flatMap { $0.map(Float.init) }
        let largest = expected.reduce(Float(0.01)) { max($0, abs($1)) }
        let difference = Closeness.largestDifference(found.gradient.values, expected)
        #expect(difference < 4e-6 * largest, "\(name)", sourceLocation: sourceLocation)
    }
}

extension Matrix {
    /// The given rows, which are alike in length.
    init(_ rows: [[Double]]) {
        self.init(rows: rows.count, columns: rows.first?.count ?? 0, values: rows.flatMap { $0.map(Float.init) })
    }
}
