import CKernels
import Testing

/// One table of kernels that this processor can run, as an argument of a test.
struct KernelPath: Sendable, CustomTestStringConvertible {
    let index: Int

    var kernels: GraftKernels { graft_kernels_at(index).pointee }
    var testDescription: String { String(cString: kernels.name) }

    static let all = (0..<graft_kernels_count()).map(KernelPath.init)
    static let fast = Array(all.dropFirst())
    static let reference = KernelPath(index: 0)
}
