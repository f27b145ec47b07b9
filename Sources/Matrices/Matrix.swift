/// A row-major float32 matrix with value semantics: copies share their storage until one of them is changed.
///
/// Activations are matrices of [tokens, features]. For a frozen weight use ``PackedMatrix``: it is packed once and
/// multiplied faster.
public struct Matrix: Sendable {
    /// The number of rows.
    public let rows: Int
    /// The number of columns, which is also the distance between rows.
    public let columns: Int
    private var storage: Storage
    /// Where the first row begins in the storage, which a range of another matrix's rows shares with it.
    private var start = 0

    /// A matrix whose numbers are whatever the recycled storage held: for outputs that are written whole.
    package init(uninitializedRows rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "a matrix has no negative extent")
        self.rows = rows
        self.columns = columns
        storage = Storage(count: rows * columns)
    }

    /// A matrix of zeros.
    public init(rows: Int, columns: Int) {
        self.init(uninitializedRows: rows, columns: columns)
        storage.base.initialize(repeating: 0, count: count)
    }

    /// A matrix of the given numbers, row after row.
    public init(rows: Int, columns: Int, values: some Collection<Float>) {
        self.init(uninitializedRows: rows, columns: columns)
        precondition(values.count == count, "a \(rows) × \(columns) matrix takes \(count) numbers, not \(values.count)")
        _ = UnsafeMutableBufferPointer(start: storage.base, count: count).initialize(from: values)
    }

    /// No rows and no columns: what a pullback returns where nobody reads the gradient.
    package static let empty = Matrix(uninitializedRows: 0, columns: 0)

    /// rows · columns
    public var count: Int { rows * columns }

    /// The numbers, row after row.
    public var values: [Float] { withBuffer { Array($0) } }

    /// One element.
    public subscript(row: Int, column: Int) -> Float {
        get {
            precondition(0 <= row && row < rows && 0 <= column && column < columns, "index outside the matrix")
            return storage.base[start + row * columns + column]
        }
        set {
            precondition(0 <= row && row < rows && 0 <= column && column < columns, "index outside the matrix")
            let index = row * columns + column
            withMutableBuffer { $0[index] = newValue }
        }
    }

    /// Calls `body` with the numbers, which stay in place for the call.
    package func withBuffer<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeBufferPointer(start: storage.base + start, count: count))
    }

    /// Calls `body` with the numbers to change, copied first if another matrix shares them.
    package mutating func withMutableBuffer<Result, Failure: Error>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !isKnownUniquelyReferenced(&storage) {
            let copy = Storage(count: count)
            copy.base.update(from: storage.base + start, count: count)
            (storage, start) = (copy, 0)
        }
        let (owner, start, count) = (storage, start, count)
        defer { withExtendedLifetime(owner) {} }
        return try body(UnsafeMutableBufferPointer(start: owner.base + start, count: count))
    }

    /// These rows as a matrix of their own, which shares the storage until one of the two is changed.
    package func rows(_ range: Range<Int>) -> Matrix {
        precondition(0 <= range.lowerBound && range.upperBound <= rows, "range outside the matrix")
        var part = Matrix(sharing: storage, rows: range.count, columns: columns)
        part.start = start + range.lowerBound * columns
        return part
    }

    private init(sharing storage: Storage, rows: Int, columns: Int) {
        (self.storage, self.rows, self.columns) = (storage, rows, columns)
    }
}

extension Matrix: Equatable {
    /// Whether shapes and numbers are the same, bit for bit but for the sign of zero.
    public static func == (left: Matrix, right: Matrix) -> Bool {
        left.rows == right.rows && left.columns == right.columns
            && left.withBuffer { l in right.withBuffer { r in l.elementsEqual(r) } }
    }
}
