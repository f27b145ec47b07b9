import CKernels

/// The instruction set in use.
public enum Kernels {
    /// The table of functions chosen at start-up: by `GRAFT_KERNELS`, else the fastest that this processor has.
    ///
    /// A constant of function pointers, which C cannot say is safe to share.
    nonisolated(unsafe) static let table: GraftKernels = {
        guard let chosen = graft_kernels() else {
            preconditionFailure(
                "GRAFT_KERNELS names no kernels of this processor; it has \(available.joined(separator: ", "))")
        }
        return chosen.pointee
    }()

    /// The names that `GRAFT_KERNELS` may have on this processor, the plain reference first, the fastest last.
    public static var available: [String] {
        (0..<graft_kernels_count()).map { String(cString: graft_kernels_at($0).pointee.name) }
    }

    /// The name of the kernels in use; nil if `GRAFT_KERNELS` names kernels that this processor cannot run, in which case
    /// nothing else of this module may be called.
    public static var chosen: String? {
        graft_kernels().map { String(cString: $0.pointee.name) }
    }

    /// Whether the kernels in use multiply such numbers by an instruction of their own. They can multiply all of them.
    public static func computes(_ precision: Precision) -> Bool {
        switch precision {
        case .float32: true
        case .bfloat16: table.computes_bfloat16
        case .int8: table.computes_int8
        }
    }

    /// Runs multiply-adds of this precision on registers alone, `iterations` rounds of them, on the calling thread, and gives
    /// the number of multiplications and additions done. What they took, taken by the caller, is the machine's ceiling.
    package static func runCeilingLoop(_ precision: Precision, iterations: Int) -> Double {
        table.ceiling(precision.format, iterations)
    }
}
