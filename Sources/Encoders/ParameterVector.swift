import Matrices

/// All numbers that train, end to end in one flat array: so that AdamW, clipping and copying are each one loop.
///
/// Gradients and moments are vectors of the same layout.
public struct ParameterVector: Sendable {
    /// Which parameter lies where.
    public let layout: Layout
    /// The numbers, parameter after parameter in the order of the layout.
    public private(set) var values: [Float]

    /// The order of parameters in a vector, shared by all vectors alike.
    public final class Layout: Sendable {
        /// The parameters in order.
        public let parameters: [Parameter]
        /// The number of floats of all parameters.
        public let count: Int
        private let offsets: [Parameter: Int]

        /// The given parameters, in the given order.
        public init(_ parameters: [Parameter]) {
            self.parameters = parameters
            var (offsets, count) = ([Parameter: Int](), 0)
            for parameter in parameters {
                precondition(offsets[parameter] == nil, "parameter \(parameter.name) is in a vector once")
                offsets[parameter] = count
                count += parameter.count
            }
            (self.offsets, self.count) = (offsets, count)
        }

        /// Where the numbers of `parameter` are.
        public func range(of parameter: Parameter) -> Range<Int> {
            guard let offset = offsets[parameter] else {
                preconditionFailure("parameter \(parameter.name) is not in this vector")
            }
            return offset..<offset + parameter.count
        }
    }

    /// Zeros in the given layout.
    public init(_ layout: Layout) {
        self.layout = layout
        values = [Float](repeating: 0, count: layout.count)
    }

    /// Zeros in the layout of the given parameters.
    public init(_ parameters: [Parameter]) { self.init(Layout(parameters)) }

    /// A vector of the same layout, all zeros.
    public func zeroed() -> ParameterVector { ParameterVector(layout) }

    /// Makes all numbers zero, in place.
    package mutating func setZero() { withMutableValues { $0.update(repeating: 0) } }

    /// The matrix of a parameter, copied out or put in.
    public subscript(parameter: Parameter) -> Matrix {
        get {
            Matrix(rows: parameter.rows, columns: parameter.columns, values: values[layout.range(of: parameter)])
        }
        set {
            precondition(
                newValue.rows == parameter.rows && newValue.columns == parameter.columns,
                "\(parameter.name) is \(parameter.rows) × \(parameter.columns)")
            values.replaceSubrange(layout.range(of: parameter), with: newValue.values)
        }
    }

    /// Calls `body` with all numbers, to change.
    package mutating func withMutableValues<Result>(_ body: (UnsafeMutableBufferPointer<Float>) -> Result) -> Result {
        values.withUnsafeMutableBufferPointer { body($0) }
    }

    /// self += other, of the same layout.
    package mutating func add(_ other: ParameterVector) {
        precondition(layout === other.layout, "only vectors of one layout add")
        other.values.withUnsafeBufferPointer { other in
            values.withUnsafeMutableBufferPointer { values in
                for index in values.indices { values[index] += other[index] }
            }
        }
    }
}

/// d(loss)/d(parameter) for each parameter of a layout.
public typealias Gradients = ParameterVector
