import Matrices

/// Queries, keys and values, or their gradients, each [tokens, heads · width]: three matrices, or the columns of one.
struct AttentionInputs: Sendable {
    private var matrices: [Matrix]

    /// A matrix for each.
    init(query: Matrix, key: Matrix, value: Matrix) { matrices = [query, key, value] }

    /// Queries, keys and values side by side.
    init(inOne matrix: Matrix) { matrices = [matrix] }

    /// Room for the gradients of `inputs`; none where they are not wanted.
    init(gradientsOf inputs: AttentionInputs, _ wanted: Wanted) {
        let areWanted = inputs.isInOne ? [true] : [wanted.query, wanted.key, wanted.value]
        matrices = zip(inputs.matrices, areWanted).map { matrix, isWanted in
            isWanted ? Matrix(uninitializedRows: matrix.rows, columns: matrix.columns) : .empty
        }
    }

    /// Which of the three anybody wants a gradient of.
    struct Wanted {
        var query, key, value: Bool

        var any: Bool { query || key || value }
    }

    private var isInOne: Bool { matrices.count == 1 }

    var rows: Int { matrices[0].rows }

    /// The three, or all in one, as they were given.
    var query: Matrix { matrices[0] }
    var key: Matrix { matrices[1] }
    var value: Matrix { matrices[2] }
    var inOne: Matrix { matrices[0] }

    /// Calls `body` with views of the three, for reading.
    func withViews<Result>(_ body: (_ query: MatrixView, _ key: MatrixView, _ value: MatrixView) -> Result) -> Result {
        defer { withExtendedLifetime(matrices) {} }
        let views = matrices.map { $0.withView { $0 } }
        return isInOne
            ? body(
                AttentionInputs.third(0, of: views[0]), AttentionInputs.third(1, of: views[0]),
                AttentionInputs.third(2, of: views[0]))
            : body(views[0], views[1], views[2])
    }

    /// Calls `body` with views of the three, for writing.
    mutating func withMutableViews<Result>(
        _ body: (_ query: MatrixView, _ key: MatrixView, _ value: MatrixView) -> Result
    ) -> Result {
        if isInOne {
            return matrices[0].withMutableView {
                body(
                    AttentionInputs.third(0, of: $0), AttentionInputs.third(1, of: $0), AttentionInputs.third(2, of: $0)
                )
            }
        }
        var (query, key, value) = (matrices[0], matrices[1], matrices[2])
        matrices = []
        defer { matrices = [query, key, value] }
        return Matrices.withMutableViews(&query, &key, &value) { body($0, $1, $2) }
    }

    private static func third(_ index: Int, of view: MatrixView) -> MatrixView {
        let width = view.columns / 3
        return view[0..<view.rows, index * width..<(index + 1) * width]
    }
}
