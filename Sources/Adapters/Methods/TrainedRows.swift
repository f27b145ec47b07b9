import Encoders
import Matrices

/// Some rows of a frozen table of embeddings that train whole, in place of the table's own: PEFT's trainable tokens.
///
/// They start as the table has them, so that nothing changes yet. What is kept, and saved, is the rows themselves, not their
/// change, as PEFT has it: so they mean the same on a table whose rows for new tokens are filled with other numbers.
public struct TrainedRows: TableAdapter, Equatable {
    /// The rows' numbers in the table, in the order in which ``values`` has them. Each once.
    public let indices: [Int]
    /// The rows [count, width].
    public let values: Parameter
    private let places: [Int: Int]

    /// Rows of a table so wide. `name` is unique among adapters: the parameter is called after it.
    public init(name: String, indices: [Int], width: Int) {
        precondition(!indices.isEmpty && Set(indices).count == indices.count, "each trained row is named once")
        self.indices = indices
        values = Parameter(name: name + ".trainable_tokens_delta", rows: indices.count, columns: width)
        places = Dictionary(uniqueKeysWithValues: indices.enumerated().map { ($1, $0) })
    }

    /// The rows.
    public var parameters: [Parameter] { [values] }

    /// The rows: zero is not where they come from.
    public var undecayedParameters: [Parameter] { [values] }

    /// The rows as the table has them.
    public func initialize(_ vector: inout ParameterVector, on table: Matrix) {
        var rows = Matrix(uninitializedRows: indices.count, columns: table.columns)
        rows.withMutableView { rows in
            table.withView { table in
                for (place, index) in indices.enumerated() {
                    rows.rows(place..<place + 1).copy(table.rows(index..<index + 1))
                }
            }
        }
        vector[values] = rows
    }

    /// The rows [tokens, width], with the trained ones where they belong; the pullback leaves their gradients, and gives that of
    /// the others.
    public func forward(
        _ rows: Matrix, at indices: [Int], of table: FrozenTable, _ pass: Pass
    ) -> (rows: Matrix, pullback: TablePullback) {
        let trained = indices.enumerated().compactMap { token, index in
            places[index].map { (token: token, place: $0) }
        }
        guard !trained.isEmpty else { return (rows, { dRows, _ in dRows }) }
        var changed = rows
        changed.withMutableView { changed in
            pass.parameters.withView(of: values) { values in
                for (token, place) in trained {
                    changed.rows(token..<token + 1).copy(values.rows(place..<place + 1))
                }
            }
        }
        guard pass.demand > .nothing else { return (changed, { dRows, _ in dRows }) }
        return (
            changed,
            { [values, isTrained = pass.trains(values)] dRows, gradients in
                if isTrained {
                    gradients.withMutableView(of: values) { sums in
                        dRows.withView { dRows in
                            for (token, place) in trained {
                                sums.rows(place..<place + 1).add(dRows.rows(token..<token + 1))
                            }
                        }
                    }
                }
                var rest = dRows
                rest.withMutableBuffer { rest in
                    for (token, _) in trained {
                        for index in token * dRows.columns..<(token + 1) * dRows.columns { rest[index] = 0 }
                    }
                }
                return rest
            }
        )
    }

    /// The table with the trained rows in it.
    public func merged(into table: Matrix, _ parameters: ParameterVector) -> Matrix {
        var merged = table
        merged.withMutableView { merged in
            parameters.withView(of: values) { values in
                for (place, index) in indices.enumerated() {
                    merged.rows(index..<index + 1).copy(values.rows(place..<place + 1))
                }
            }
        }
        return merged
    }
}
