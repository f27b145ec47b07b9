import Matrices
import Safetensors

/// x = norm(word[token] + position[place in its text] + segment[segment]), then dropout, then a projection to the width of
/// the layers. Each part but the words may be missing. Frozen, but for what adapters add to it.
struct Embeddings: Sendable {
    var words: WordTable
    /// [positions, width]
    var positions: Matrix?
    /// The row of `positions` that belongs to the first token of a text.
    let firstPosition: Int
    /// A token that takes no position, but the row of `positions` which has its number.
    let paddingToken: Int?
    /// [segments, width]
    var segments: Matrix?
    var norm: Norm?
    let dropout: Dropout
    var projection: FrozenLinear?

    /// Leaves the gradients of what trains here, from that of x.
    typealias Pullback = @Sendable (_ dx: Matrix, _ gradients: inout Gradients) -> Void

    /// x [tokens, hidden]. Where something trains here and the pass wants its gradient, there is a way back.
    func forward(_ batch: PackedBatch, _ adapters: AdapterSet, _ pass: Pass) -> (x: Matrix, pullback: Pullback?) {
        let mark = Profile.enter(.embeddings)
        defer { mark.leave() }
        let isBackwardRun = pass.demand > .nothing && adapters.trainsEmbeddings(in: pass)
        // 1. the sum of the tables' rows
        let rows = TableRows(of: batch, self, behind: adapters.prefixes.first?.value.count ?? 0)
        let (sum, tablePullbacks) = self.sum(
            rows, adapters.embeddings, adapters.prompt, pass, isBackwardRun: isBackwardRun)
        var x = consume sum
        // 2. norm
        var normPullback: Norm.Pullback?
        if let norm = norm?.changed(at: .embeddings, by: adapters, pass) {
            (x, normPullback) = norm.forward(x, isBackwardRun: isBackwardRun)
        }
        // 3. dropout
        let mask = dropout.mask(pass)
        if let mask { x.drop(mask) }
        // 4. projection
        var projectionPullback: LinearPullback?
        if let projection {
            let input = LinearInput(x, for: projection)
            let pass = pass.wanting(isBackwardRun)
            (x, projectionPullback) =
                adapters.embeddings?.projection?.forward(input, through: projection, pass)
                ?? projection.forward(input, pass)
        }
        guard isBackwardRun else { return (x, nil) }
        let trained = adapters.embeddings?.tables.filter { pass.trains($0.value) } ?? [:]
        return (
            x,
            { [width = words.width, normPullback, projectionPullback, prompt = adapters.prompt] dx, gradients in
                let mark = Profile.enter(.embeddings)
                defer { mark.leave() }
                var d = dx
                // 4.
                if let projectionPullback {
                    d = Matrix(uninitializedRows: dx.rows, columns: width)
                    d.withMutableView {
                        var d = InputGradient(into: $0)
                        projectionPullback(dx, &gradients, &d)
                    }
                }
                // 3.
                if let mask { d.drop(mask) }
                // 2.
                if let normPullback { d = normPullback(d, &gradients) }
                // 1.
                for (table, pullback) in tablePullbacks where trained[table] == nil {
                    _ = pullback(rows.read(from: table, d).rows, &gradients)
                }
                for (table, parameter) in trained {
                    let (dRead, places) = rows.read(from: table, d)
                    gradients.addRows(of: tablePullbacks[table]?(dRead, &gradients) ?? dRead, at: places, to: parameter)
                }
                if let prompt, pass.trains(prompt.rows) {
                    let (own, places) = rows.ofVirtualTokens(d)
                    gradients.addRows(of: own, at: places, to: prompt.rows)
                }
            }
        )
    }

    /// The rows of the tables that belong to each token, added; and the way back through the adapters of tables, where there is
    /// one.
    private func sum(
        _ rows: TableRows, _ delta: EmbeddingDelta?, _ prompt: SoftPrompt?, _ pass: Pass, isBackwardRun: Bool
    ) -> (sum: Matrix, pullbacks: [EmbeddingTable: TablePullback]) {
        guard let delta, !delta.adapters.isEmpty else { return (sum(rows, delta, prompt, pass), [:]) }
        let pass = isBackwardRun ? pass : pass.demanding(.nothing)
        var (sum, pullbacks) = (Matrix.empty, [EmbeddingTable: TablePullback]())
        for table in EmbeddingTable.allCases {
            guard let frozen = self.frozen(table, delta) else { continue }
            let indices = rows[table]
            var own = Matrix(uninitializedRows: indices.count, columns: words.width)
            own.withMutableView { own in
                for (token, index) in indices.enumerated() {
                    if let prompt, index < 0 {
                        pass.parameters.withView(of: prompt.rows) { own.row(token).copy($0.row(-1 - index)) }
                    } else {
                        frozen.copy(index, pass.parameters, into: own.row(token))
                    }
                }
            }
            if let adapter = delta.adapters[table] {
                let (read, places) = rows.read(from: table, own)
                let changed = adapter.forward(read, at: places, of: frozen, pass)
                rows.put(changed.rows, from: table, into: &own)
                if isBackwardRun { pullbacks[table] = changed.pullback }
            }
            if sum.count == 0 { sum = own } else { sum.add(own) }
        }
        return (sum, pullbacks)
    }

    /// A table as it is frozen, with what is added to it; nil: there is none.
    private func frozen(_ table: EmbeddingTable, _ delta: EmbeddingDelta) -> FrozenTable? {
        func made(_ matrix: Matrix?) -> FrozenTable? {
            matrix.map {
                FrozenTable(rows: $0.rows, width: $0.columns, delta: delta.tables[table], source: .matrix($0))
            }
        }
        return switch table {
        case .words:
            FrozenTable(rows: words.rows, width: words.width, delta: delta.tables[.words], source: .words(words))
        case .positions: made(positions)
        case .segments: made(segments)
        }
    }

    private func sum(_ rows: TableRows, _ delta: EmbeddingDelta?, _ prompt: SoftPrompt?, _ pass: Pass) -> Matrix {
        var sum = Matrix(uninitializedRows: rows.words.count, columns: words.width)
        sum.withMutableView { sum in
            withViews(positions ?? .empty, segments ?? .empty) { tables in
                Parallel.forEachRange(of: rows.words.count, grain: 64) { tokens in
                    for token in tokens {
                        let row = sum.rows(token..<token + 1)
                        if let prompt, rows.words[token] < 0 {
                            pass.parameters.withView(of: prompt.rows) { row.copy($0.row(-1 - rows.words[token])) }
                        } else {
                            words.copyRow(rows.words[token], into: row.base)
                            if let words = delta?.tables[.words] {
                                pass.parameters.withView(of: words) { row.add($0.row(rows.words[token])) }
                            }
                        }
                        if positions != nil {
                            row.add(
                                tables[0].row(rows.positions[token]), changedBy: delta?.tables[.positions],
                                rows.positions[token], pass)
                        }
                        if segments != nil {
                            row.add(
                                tables[1].row(rows.segments[token]), changedBy: delta?.tables[.segments],
                                rows.segments[token], pass)
                        }
                    }
                }
            }
        }
        return sum
    }
}

/// The rows of each table that the tokens of a batch read.
private struct TableRows: Sendable {
    /// Of words; −1, −2, … are virtual tokens, which have none.
    private(set) var words: [Int]
    /// Whether there are any of these.
    private let hasVirtualTokens: Bool
    private(set) var positions, segments: [Int]

    /// `offset` positions are taken before the first of each text.
    init(of batch: PackedBatch, _ embeddings: Embeddings, behind offset: Int) {
        words = batch.tokens.map(Int.init)
        hasVirtualTokens = words.contains { $0 < 0 }
        segments = batch.segments.map(Int.init)
        positions = []
        guard embeddings.positions != nil else { return }
        positions.reserveCapacity(words.count)
        for text in batch.sequences {
            var position = embeddings.firstPosition + offset
            for token in text {
                let isPadding = embeddings.paddingToken == words[token]
                positions.append(isPadding ? words[token] : position)
                if !isPadding { position += 1 }
            }
        }
    }

    subscript(table: EmbeddingTable) -> [Int] {
        switch table {
        case .words: words
        case .positions: positions
        case .segments: segments
        }
    }

    /// Those of a batch's rows that a table has, and which these are: of words, all but virtual tokens.
    func read(from table: EmbeddingTable, _ all: Matrix) -> (rows: Matrix, places: [Int]) {
        guard table == .words, hasVirtualTokens else { return (all, self[table]) }
        return chosen(all, words.indices.filter { words[$0] >= 0 }) { $0 }
    }

    /// Puts them back where they were.
    func put(_ some: Matrix, from table: EmbeddingTable, into all: inout Matrix) {
        guard table == .words, hasVirtualTokens else { return all = some }
        let places = words.indices.filter { words[$0] >= 0 }
        all.withMutableView { all in
            some.withView { some in
                for (index, place) in places.enumerated() { all.row(place).copy(some.row(index)) }
            }
        }
    }

    /// The rows of `d` that belong to virtual tokens, and which these are, from 0.
    func ofVirtualTokens(_ d: Matrix) -> (Matrix, [Int]) {
        chosen(d, words.indices.filter { words[$0] < 0 }) { -1 - $0 }
    }

    private func chosen(_ d: Matrix, _ rows: [Int], _ place: (Int) -> Int) -> (rows: Matrix, places: [Int]) {
        var some = Matrix(uninitializedRows: rows.count, columns: d.columns)
        some.withMutableView { some in
            d.withView { d in for (index, row) in rows.enumerated() { some.row(index).copy(d.row(row)) } }
        }
        return (some, rows.map { place(words[$0]) })
    }
}

extension MatrixView {
    fileprivate func row(_ index: Int) -> MatrixView { rows(index..<index + 1) }

    /// self += tableRow + Δ's row of the same number, these two added first: as if the table had been changed.
    fileprivate func add(_ tableRow: MatrixView, changedBy delta: Parameter?, _ index: Int, _ pass: Pass) {
        guard let delta else { return add(tableRow) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { buffer in
            let changed = MatrixView(base: buffer.start, rows: 1, columns: columns, rowStride: columns)
            changed.copy(tableRow)
            pass.parameters.withView(of: delta) { changed.add($0.row(index)) }
            add(changed)
        }
    }
}

extension AdapterSet {
    /// Whether something of the embeddings, their norm and their projection learns in a pass.
    func trainsEmbeddings(in pass: Pass) -> Bool {
        trains(.embeddings, in: pass) || (embeddings?.parameters.contains(where: pass.trains) ?? false)
            || (prompt.map { pass.trains($0.rows) } ?? false)
    }
}
