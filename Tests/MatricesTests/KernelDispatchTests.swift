import CKernels
import Foundation
import Testing

struct KernelDispatchTests {
    @Test func theReferenceComesFirstAndEveryTableHasItsOwnName() {
        let names = KernelPath.all.map(\.testDescription)
        #expect(names.first == "reference")
        #expect(Set(names).count == names.count)
        #expect(
            Set(names).isSubset(of: [
                "reference", "avx2", "avx2vnni", "avx512", "avx512vnni", "neon", "neondot", "neonbf16",
            ]))
    }

    @Test func theTableInUseIsTheNamedOneElseTheFastest() {
        let forced = ProcessInfo.processInfo.environment["GRAFT_KERNELS"] ?? ""
        let expected = forced.isEmpty ? KernelPath.all.last : KernelPath.all.first { $0.testDescription == forced }
        #expect(graft_kernels() == expected.map { graft_kernels_at($0.index) })
    }

    @Test func theParallelFlagBelongsToItsThread() async {
        graft_set_inside_parallel_loop(true)
        defer { graft_set_inside_parallel_loop(false) }
        #expect(graft_is_inside_parallel_loop())
        let elsewhere = await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: graft_is_inside_parallel_loop()) }.start()
        }
        #expect(!elsewhere)
    }
}
