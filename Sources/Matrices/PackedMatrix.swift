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
        (depth, columns) = (view.rows, view.columns)
        self.precision = precision
        var panels = Matrix(
            uninitializedRows: 1,
            columns: PackedMatrix.wordCount(precision, depth: view.rows, columns: view.columns))
        panels.withMutableBuffer {
            func pack(_ rows: MatrixView, _ start: UnsafeMutablePointer<Float>) {
                Kernels.table.pack(
                    precision.format, rows.base, rows.rowStride, rows.columnStride, rows.rows, rows.columns, start)
            }
            guard precision == .int8 else { return pack(view, $0.start) }
            for group in Int8Groups(depth: view.rows) {
                let before = PackedMatrix.wordCount(.int8, depth: group.lowerBound, columns: view.columns)
                pack(view.rows(group), $0.start + before)
            }
        }
        self.panels = panels
    }

    /// Words of all panels: in int8 those of each group of the depth follow each other.
    private static func wordCount(_ precision: Precision, depth: Int, columns: Int) -> Int {
        guard precision == .int8 else { return Kernels.table.packed_count(precision.format, depth, columns) }
        return Int8Groups(depth: depth).reduce(0) { $0 + Kernels.table.packed_count(GRAFT_INT8, $1.count, columns) }
    }

    /// Calls `body` with the panels, for products of `columns` from `first` on, a multiple of ``columnGrain``. In int8 they
    /// are those of one `group` of the depth.
    func withPanels(fromColumn first: Int, group: Range<Int>? = nil, _ body: (UnsafeRawPointer) -> Void) {
        let group = group ?? 0..<depth
        let before = PackedMatrix.wordCount(precision, depth: group.lowerBound, columns: columns)
        panels.withBuffer {
            body($0.start + before + Kernels.table.packed_count(precision.format, group.count, first))
        }
    }

    /// Calls `body` with the bytes of all panels.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        panels.withBuffer { body(UnsafeRawBufferPointer($0)) }
    }

    /// Columns are shared among threads in multiples of this: a whole number of panels on every path (64, 24, 16, …).
    static let columnGrain = 192
}
