import CKernels

/// The right-hand side of many products: a constant, laid out once as the kernels read it.
package struct PackedMatrix: Sendable {
    /// The sum of a product runs over `depth`; its result has `columns`.
    package let depth, columns: Int
    /// How its numbers are held: the left side of a product must be held so too.
    package let precision: Precision
    /// Words, whatever they hold.
    private let panels: Matrix

    /// Packs `view` [depth, columns] as it is; for x·Wᵀ pass the transposed view of W.
    package init(_ view: MatrixView, _ precision: Precision = .float32) {
        let mark = Profile.enter(.packing)
        defer { mark.leave() }
        precondition(precision != .int8 || view.rows <= PackedMatrix.mostInt8Depth, "sums of int8 fit 32 bits")
        (depth, columns) = (view.rows, view.columns)
        self.precision = precision
        let count = Kernels.table.packed_count(precision.format, view.rows, view.columns)
        var panels = Matrix(uninitializedRows: 1, columns: count)
        panels.withMutableBuffer {
            Kernels.table.pack(
                precision.format, view.base, view.rowStride, view.columnStride, view.rows, view.columns, $0.start)
        }
        self.panels = panels
    }

    /// Calls `body` with the panels, for products of `columns` from `first` on, a multiple of ``columnGrain``.
    func withPanels(fromColumn first: Int, _ body: (UnsafeRawPointer) -> Void) {
        panels.withBuffer { body($0.start + Kernels.table.packed_count(precision.format, depth, first)) }
    }

    /// Columns are shared among threads in multiples of this: a whole number of panels on every path (64, 24, 16, …).
    static let columnGrain = 192
    /// So many products of a byte (at most 255) and a weight (at most 127) fit 32 bits.
    private static let mostInt8Depth = 66_000
}
