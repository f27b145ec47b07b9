import Matrices

/// DeBERTa's attention over each text of a packed batch, between projections that live elsewhere: scores are made of queries
/// and keys, and of either with what is projected of a table of relative positions.
///
/// ``DisentangledTextAttention`` has the equations. The tables may come from the same projections as queries and keys, with
/// their adapters, so their gradients are given too.
struct DisentangledAttention: Sendable {
    let heads: Int
    /// Of one head.
    let width: Int
    let distances: DisentangledDistances
    let dropoutRate: Float
    /// Names the dropout mask among those of a pass.
    let name: String
    /// The encoder's. Below float32 what attention multiplies is rounded to bfloat16, but not what is multiplied with tables.
    let precision: Precision

    /// The projected tables of relative positions [2 · span, heads · width], or their gradients.
    struct Tables: Sendable {
        /// What queries are multiplied with ("content to position"); nil where a model has no such term.
        var positionKey: Matrix?
        /// What keys are multiplied with ("position to content"); nil where a model has no such term.
        var positionQuery: Matrix?
    }

    /// What anybody wants a gradient of.
    struct Wanted {
        var inputs: AttentionInputs.Wanted
        var positionKey, positionQuery: Bool

        var any: Bool { inputs.any || positionKey || positionQuery }
    }

    /// The gradients of inputs and tables, those that are wanted.
    typealias InputPullback = @Sendable (_ dContext: Matrix) -> (inputs: AttentionInputs, tables: Tables)

    /// The context [tokens, heads · width].
    func forward(
        _ inputs: AttentionInputs, _ tables: Tables, _ batch: PackedBatch, wanted: Wanted, _ pass: Pass
    ) -> (context: Matrix, pullback: InputPullback?) {
        let mark = Profile.enter(.attentionForward)
        defer { mark.leave() }
        let dropout = pass.encoderDropout(name, rate: dropoutRate)
        let kernel = DisentangledTextAttention(
            heads: heads, width: width, distances: distances, precision: precision,
            dropout: dropout.map { TextAttention.Dropout(rate: dropoutRate, key: $0) })

        var context = Matrix(uninitializedRows: inputs.rows, columns: heads * width)
        var statistics = wanted.any ? Matrix(uninitializedRows: inputs.rows, columns: kernel.statisticsWidth) : .empty
        context.withMutableView { context in
            statistics.withMutableView { statistics in
                tables.withViews(inputs) {
                    kernel.forward(
                        $0, texts: batch.sequences, statistics: wanted.any ? statistics : nil, into: context)
                }
            }
        }
        guard wanted.any else { return (context, nil) }
        return (
            context,
            { [statistics] dContext in
                let mark = Profile.enter(.attentionBackward)
                defer { mark.leave() }
                var dInputs = AttentionInputs(gradientsOf: inputs, wanted.inputs)
                var dTables = Tables(gradientsOf: tables, wanted)
                dInputs.withMutableViews { dQuery, dKey, dValue in
                    dTables.withMutableViews { dPositionKey, dPositionQuery in
                        tables.withViews(inputs) { views in
                            withViews(statistics, dContext) {
                                kernel.backward(
                                    views, texts: batch.sequences, statistics: $0[0], dContext: $0[1],
                                    into: DisentangledTextAttention.Gradients(
                                        query: wanted.inputs.query ? dQuery : nil,
                                        key: wanted.inputs.key ? dKey : nil,
                                        value: wanted.inputs.value ? dValue : nil,
                                        positionKey: dPositionKey, positionQuery: dPositionQuery))
                            }
                        }
                    }
                }
                return (dInputs, dTables)
            }
        )
    }
}

extension DisentangledAttention.Tables {
    /// Zeros for the gradients that are wanted of tables that there are.
    fileprivate init(gradientsOf tables: Self, _ wanted: DisentangledAttention.Wanted) {
        func zeros(_ table: Matrix?, _ isWanted: Bool) -> Matrix? {
            isWanted ? table.map { Matrix(rows: $0.rows, columns: $0.columns) } : nil
        }
        positionKey = zeros(tables.positionKey, wanted.positionKey)
        positionQuery = zeros(tables.positionQuery, wanted.positionQuery)
    }

    /// Calls `body` with views of `inputs` and of the tables that there are, for reading.
    fileprivate func withViews(
        _ inputs: AttentionInputs, _ body: (DisentangledTextAttention.Inputs) -> Void
    ) {
        defer { withExtendedLifetime((positionKey, positionQuery)) {} }
        inputs.withViews { query, key, value in
            body(
                DisentangledTextAttention.Inputs(
                    query: query, key: key, value: value, positionKey: positionKey?.withView { $0 },
                    positionQuery: positionQuery?.withView { $0 }))
        }
    }

    /// Calls `body` with views of the tables that there are, for writing.
    fileprivate mutating func withMutableViews(
        _ body: (_ positionKey: MatrixView?, _ positionQuery: MatrixView?) -> Void
    ) {
        func with(_ table: inout Matrix?, _ body: (MatrixView?) -> Void) {
            // Taken out of its place while it is written: nothing else shares it then.
            guard var matrix = table.take() else { return body(nil) }
            matrix.withMutableView { body($0) }
            table = matrix
        }
        with(&positionKey) { positionKey in with(&positionQuery) { body(positionKey, $0) } }
    }
}
