import Files
import Matrices

/// Some rows of numbers for each text of a data set, put in once and read in every later epoch.
///
/// A value whose copies share the room: what is put in is a function of the text, so it does not matter by whom.
struct FeatureStore: Sendable {
    /// The first row of each text, and after the last one the number of all.
    private let firstRows: [Int]
    private let columns: Int
    private let space: ScratchSpace

    /// Room for so many rows of each text.
    ///
    /// - Throws: if the system has no such room.
    init(rowCounts: [Int], columns: Int, in place: ScratchSpace.Place) throws(FilesError) {
        var firstRows = [0]
        for (text, count) in rowCounts.enumerated() { firstRows.append(firstRows[text] + count) }
        (self.firstRows, self.columns) = (firstRows, columns)
        space = try ScratchSpace(
            count: FeatureStore.byteCount(rowCounts: rowCounts, columns: columns), in: place)
    }

    /// The room that these rows take.
    static func byteCount(rowCounts: [Int], columns: Int) -> Int {
        rowCounts.reduce(0, +) * columns * MemoryLayout<Float>.stride
    }

    /// Puts in the rows of some texts, end to end. Several threads may do so at once, for texts of their own.
    ///
    /// - Throws: if the disk is full.
    func put(_ rows: Matrix, of texts: [Int]) throws(FilesError) {
        try rows.withBuffer { (buffer: UnsafeBufferPointer<Float>) throws(FilesError) in
            var start = 0
            for text in texts {
                let bytes = bytes(of: text)
                try space.write(
                    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[start..<start + bytes.count]),
                    at: bytes.lowerBound)
                start += bytes.count
            }
        }
    }

    /// The rows of some texts, end to end; all of them have been put in.
    func rows(of texts: [Int]) -> Matrix {
        let count = texts.reduce(0) { $0 + firstRows[$1 + 1] - firstRows[$1] }
        var rows = Matrix(uninitializedRows: count, columns: columns)
        rows.withMutableBuffer { buffer in
            let destination = UnsafeMutableRawBufferPointer(buffer)
            var start = 0
            for text in texts {
                let bytes = bytes(of: text)
                space.withBytes(bytes) { source in
                    UnsafeMutableRawBufferPointer(rebasing: destination[start..<start + bytes.count])
                        .copyMemory(from: source)
                }
                start += bytes.count
            }
        }
        return rows
    }

    private func bytes(of text: Int) -> Range<Int> {
        let stride = columns * MemoryLayout<Float>.stride
        return firstRows[text] * stride..<firstRows[text + 1] * stride
    }
}
