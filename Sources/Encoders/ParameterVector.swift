import Matrices

/// All numbers that train, end to end in one flat array: so that AdamW, clipping and copying are each one loop.
///
/// Gradients and moments are vectors of the same layout.
public struct ParameterVector: Sendable {
    /// Which parameter lies where.
    public private(set) var layout: Layout
    /// The numbers, parameter after parameter in the order of the layout.
    public private(set) var values: [Float]

    /// The order of parameters in a vector, shared by all vectors alike.
    public final class Layout: Sendable {
        /// The parameters in order.
        public let parameters: [Parameter]
        /// The number of floats of all parameters.
        public let count: Int
        private let offsets: [Parameter: Int]
        /// The layout that this is a view of; nil for one that is whole.
        private let viewed: Layout?

        /// The given parameters, in the given order.
        public init(_ parameters: [Parameter]) {
            self.parameters = parameters
            var (offsets, count) = ([Parameter: Int](), 0)
            for parameter in parameters {
                precondition(offsets[parameter] == nil, "parameter \(parameter.name) is in a vector once")
                offsets[parameter] = count
                count += parameter.count
            }
            (self.offsets, self.count, viewed) = (offsets, count, nil)
        }

        /// Another view of the numbers of `whole`: some of its parameters, under handles of their own. So the parts of several
        /// tasks that are called alike lie in one vector.
        package init(viewing whole: Layout, _ handles: [(handle: Parameter, of: Parameter)]) {
            parameters = handles.map(\.handle)
            var offsets: [Parameter: Int] = [:]
            for (handle, parameter) in handles {
                precondition(
                    handle.rows == parameter.rows && handle.columns == parameter.columns, "a view has all of it")
                precondition(offsets[handle] == nil, "parameter \(handle.name) is in a view once")
                offsets[handle] = whole.range(of: parameter).lowerBound
            }
            (self.offsets, count, viewed) = (offsets, whole.count, whole.whole)
        }

        /// The layout of all numbers that vectors of this one hold.
        var whole: Layout { viewed ?? self }

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

    /// The same numbers under the handles of another view of them.
    package func viewed(as layout: Layout) -> ParameterVector {
        var view = self
        view.show(as: layout)
        return view
    }

    /// Shows the numbers, in place, under the handles of another view of them.
    package mutating func show(as layout: Layout) {
        precondition(layout.whole === self.layout.whole, "views are of one vector's numbers")
        self.layout = layout
    }

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

    /// self += other, of the same numbers.
    package mutating func add(_ other: ParameterVector) {
        precondition(layout.whole === other.layout.whole, "only vectors of one layout add")
        other.values.withUnsafeBufferPointer { other in
            values.withUnsafeMutableBufferPointer { values in
                for index in values.indices { values[index] += other[index] }
            }
        }
    }
}

/// d(loss)/d(parameter) for each parameter of a layout.
public typealias Gradients = ParameterVector
