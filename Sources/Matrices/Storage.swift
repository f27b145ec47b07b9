import Foundation
import Synchronization

/// A block of floats that goes back to a pool when its last owner is gone: the one file that is the allocator policy.
///
/// A training step makes the same matrices again and again. Asking the system for each one costs a page fault for every
/// 4 KB, which on a CPU is a visible share of the step; a recycled block costs nothing. Blocks are sorted into size
/// classes four to an octave. A free block up to twice as large as asked for is taken before the system is asked, because
/// the parts of training steps differ a little in length: without that, each length would come to hold blocks of its own.
final class Storage: @unchecked Sendable {
    /// 64-byte aligned, uninitialized when new.
    let base: UnsafeMutablePointer<Float>
    private let capacity: Int

    init(count: Int) {
        let least = Storage.sizeClass(count)
        let recycled = Storage.pool.withLock { $0.take(from: least, to: 2 * least) }
        capacity = recycled?.capacity ?? least
        base = recycled?.base ?? Storage.allocate(least)
        if recycled == nil { Storage.blocksFromSystem.add(1, ordering: .relaxed) }
    }

    deinit {
        let block = Block(base: base, capacity: capacity)
        Storage.pool.withLock { $0.free[capacity, default: []].append(block) }
    }

    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
            .bindMemory(to: Float.self, capacity: count)
    }

    /// `count` rounded up to 16, 20, 24 or 28 times a power of two.
    private static func sizeClass(_ count: Int) -> Int {
        guard count > 16 else { return 16 }
        let step = 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount - 2)
        return (count + step - 1) / step * step
    }

    // MARK: The pool

    private struct Block: @unchecked Sendable {
        let base: UnsafeMutablePointer<Float>
        let capacity: Int
    }

    private struct Pool: ~Copyable {
        /// Free blocks by size class. They never exceed what was once in use at the same time.
        var free: [Int: [Block]] = [:]

        /// A free block of the smallest size class there is between the two.
        mutating func take(from least: Int, to most: Int) -> Block? {
            var capacity = least
            while capacity <= most {
                if let block = free[capacity]?.popLast() { return block }
                capacity = Storage.sizeClass(capacity + 1)
            }
            return nil
        }
    }

    private static let pool = Mutex(Pool())
    fileprivate static let blocksFromSystem = Atomic<Int>(0)
}

extension Matrix {
    /// The blocks that all matrices so far have asked the system for, because none that was free fitted.
    package static var blocksFromSystem: Int { Storage.blocksFromSystem.load(ordering: .relaxed) }
}
