import Dispatch
import Matrices
import Testing

/// The recorder is one for the process, so the tests take turns. That the parts of a step add up on all threads is shown by
/// the tests of `graft benchmark`, in a process of their own.
@Suite(.serialized) struct ProfileTests {
    /// Something that takes time and is not optimized away.
    private func work(_ amount: Int) {
        let x = Matrix(rows: 64, columns: 64, values: (0..<4096).map { Float($0 % 7) })
        let sum = (0..<amount).reduce(0) { sum, _ in sum + x.activate(.gelu)[3, 3] }
        #expect(sum.isFinite)
    }

    @Test func aPartWithinAPartStopsTheOuterClock() {
        Profile.start()
        let outer = Profile.enter(.adapter)
        work(1)
        let inner = Profile.enter(.linearForward)
        work(300)
        inner.leave()
        work(1)
        outer.leave()
        let times = Profile.stop()
        #expect(times[.adapter] > 0)
        #expect(times[.linearForward] > times[.adapter])
        #expect(times[.norm] == 0)
        let sum = Profile.Part.allCases.reduce(0) { $0 + times[$1] }
        #expect(abs(sum - times.wall) < 1e-9)
    }

    @Test func helpingThreadsAreChargedWithTheCallersPart() {
        Profile.start()
        let mark = Profile.enter(.head)
        Parallel.forEach(8) { index in
            let mark = Profile.enter(index % 2 == 0 ? .norm : .activation)
            work(20)
            mark.leave()
            work(20)
        }
        mark.leave()
        let times = Profile.stop()
        for part in [Profile.Part.head, .norm, .activation] { #expect(times[part] > 0) }
    }

    @Test func onlyWhatIsRecordedCounts() {
        let before = Profile.enter(.optimizer)
        work(5)
        Profile.start()
        before.leave()
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            let mark = Profile.enter(.embeddings)
            work(5)
            mark.leave()
        }
        group.wait()
        let times = Profile.stop()
        #expect(times[.optimizer] == 0)
        #expect(times[.embeddings] == 0, "a thread of somebody else's is not recorded")
    }
}
