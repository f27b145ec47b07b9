import Encoders
import Matrices
import Synchronization

/// The two random matrices that all VeRA adapters of a set share. They never train: they are as wide as the widest map that
/// is adapted, and a narrower one reads the first columns of A and the first rows of B.
public final class VeRAProjection: Sendable {
    /// A [rank, inputs of the widest map].
    public let a: Matrix
    /// B [outputs of the widest map, rank].
    public let b: Matrix

    private let known = Mutex<[[Int]: Panels]>([:])

    /// What adapters of one extent multiply with.
    struct Panels: Sendable {
        let a, aTransposed, b, bTransposed: Matrix
    }

    /// The given matrices.
    public init(a: Matrix, b: Matrix) {
        precondition(a.rows == b.columns, "A and B have one rank")
        (self.a, self.b) = (a, b)
    }

    /// Random ones, as PEFT starts them (uniform, Kaiming for rectifiers) but with numbers of Graft's own: those of the seed.
    public convenience init(rank: Int, inputs: Int, outputs: Int, seed: UInt64) {
        let a = Parameter(name: "vera_A", rows: rank, columns: inputs)
        let b = Parameter(name: "vera_B", rows: outputs, columns: rank)
        self.init(
            a: .uniform(a, bound: (6 / Float(inputs)).squareRoot(), seed: seed),
            b: .uniform(b, bound: (6 / Float(rank)).squareRoot(), seed: seed))
    }

    /// Width of what is between A and B.
    public var rank: Int { a.rows }

    /// The part of A that a map with so many inputs reads.
    func firstColumnsOfA(_ inputs: Int) -> Matrix {
        var part = Matrix(uninitializedRows: a.rows, columns: inputs)
        part.withMutableView { part in a.withView { part.copy($0[0..<$0.rows, 0..<inputs]) } }
        return part
    }

    /// The part of B that a map with so many outputs reads.
    func firstRowsOfB(_ outputs: Int) -> Matrix { b.rows(0..<outputs) }

    func panels(inputs: Int, outputs: Int) -> Panels {
        known.withLock { known in
            if let panels = known[[inputs, outputs]] { return panels }
            let (a, b) = (firstColumnsOfA(inputs), firstRowsOfB(outputs))
            let panels = Panels(a: a, aTransposed: a.transposed(), b: b, bTransposed: b.transposed())
            known[[inputs, outputs]] = panels
            return panels
        }
    }
}

extension Matrix {
    /// Rows and columns exchanged.
    func transposed() -> Matrix {
        var out = Matrix(uninitializedRows: columns, columns: rows)
        let (rows, columns) = (rows, columns)
        withBuffer { from in
            out.withMutableBuffer { to in
                for row in 0..<rows {
                    for column in 0..<columns { to[column * rows + row] = from[row * columns + column] }
                }
            }
        }
        return out
    }
}
