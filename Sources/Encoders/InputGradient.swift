import Matrices

/// Where pullbacks leave the gradient of an input that several maps read: each adds its share to rows of a matrix that
/// somebody else holds. The first share is written, not added, so nobody has to begin with zeros.
public struct InputGradient {
    private let sum: MatrixView?
    private var isEmpty: Bool

    /// Nobody reads this gradient.
    public static var unwanted: InputGradient { InputGradient(sum: nil, isEmpty: true) }

    /// The gradient is left in `rows`, whatever they hold now.
    package init(into rows: MatrixView) { self.init(sum: rows, isEmpty: true) }

    /// The gradient is added to what `rows` hold: that of a residual.
    init(addingTo rows: MatrixView) { self.init(sum: rows, isEmpty: false) }

    private init(sum: MatrixView?, isEmpty: Bool) { (self.sum, self.isEmpty) = (sum, isEmpty) }

    /// Whether shares have to be computed at all.
    public var isWanted: Bool { sum != nil }

    /// += a·b with a frozen weight on the right.
    mutating func addProduct(_ a: RowOperand, _ b: PackedMatrix) {
        guard let sum else { return }
        Product.compute(a, b, accumulating: !isEmpty, into: sum)
        isEmpty = false
    }

    /// += scale · a·b
    package mutating func addProduct(_ a: MatrixView, _ b: MatrixView, scale: Float = 1) {
        guard let sum else { return }
        Product.compute(a, b, scale: scale, accumulating: !isEmpty, into: sum)
        isEmpty = false
    }

    /// += mask ⊙ (d·a): the share of a path that reads the input with some of it dropped; all of d·a where nothing is.
    package mutating func addProduct(_ d: Matrix, _ a: Matrix, droppedBy mask: Matrix.Mask?) {
        guard isWanted else { return }
        guard let mask else { return withViews(d, a) { addProduct($0[0], $0[1]) } }
        var share = Matrix(uninitializedRows: d.rows, columns: a.columns)
        withViews(d, a) { views in
            share.withMutableView { Product.compute(views[0], views[1], into: $0) }
        }
        share.drop(mask)
        add(share)
    }

    /// += share
    public mutating func add(_ share: Matrix) {
        guard let sum else { return }
        share.withView { isEmpty ? sum.copy($0) : sum.add($0) }
        isEmpty = false
    }
}
