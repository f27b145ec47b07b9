import CKernels

/// How the numbers of a frozen weight are held once packed. What is trained, and every sum, is float32 always.
public enum Precision: String, Sendable, CaseIterable {
    /// As exact as the checkpoint.
    case float32
}

/// The right-hand side of many products: a constant, laid out once as the kernels read it.
package struct PackedMatrix: Sendable {
    /// The sum of a product runs over `depth`; its result has `columns`.
    package let depth, columns: Int
    private let panels: Matrix

    /// Packs `view` [depth, columns] as it is; for x·Wᵀ pass the transposed view of W.
    package init(_ view: MatrixView) {
        let mark = Profile.enter(.packing)
        defer { mark.leave() }
        (depth, columns) = (view.rows, view.columns)
        var panels = Matrix(uninitializedRows: 1, columns: Kernels.table.packed_count(view.rows, view.columns))
        panels.withMutableBuffer {
            Kernels.table.pack(view.base, view.rowStride, view.columnStride, view.rows, view.columns, $0.start)
        }
        self.panels = panels
    }

    /// Calls `body` with the panels, for products of `columns` from `first` on, a multiple of ``columnGrain``.
    func withPanels(fromColumn first: Int, _ body: (UnsafePointer<Float>) -> Void) {
        panels.withBuffer { body($0.start + Kernels.table.packed_count(depth, first)) }
    }

    /// Columns are shared among threads in multiples of this: a whole number of panels on every path (64, 24, 16, …).
    static let columnGrain = 192
}
