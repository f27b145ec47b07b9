import CKernels
import Testing

struct KernelDropoutTests {
    /// Whether each element is kept.
    private func mask(
        _ path: KernelPath = .reference, key: UInt64, first: UInt64 = 0, rate: Float, count: Int
    ) -> [Bool] {
        let x = KernelNumbers(repeating: 1, count: count)
        path.kernels.dropout(key, first, rate, x.start, x.start, count)
        return x.values.map { $0 != 0 }
    }

    @Test(arguments: KernelPath.fast)
    func everyPathHasTheNumbersOfTheReference(path: KernelPath) {
        var numbers = SeededNumbers(seed: 20)
        for count in Array(0...70) + [5003] {
            for rate in [Float(0), 0.1, 0.5, 0.999] {
                // The last run passes from one high word of the index to the next.
                for first: UInt64 in [0, 12_345, 1 << 32 - UInt64(count / 2), .max - 10_000] {
                    let key = numbers.next()
                    let x = numbers.floats(count + 1)
                    let (found, expected) = (KernelNumbers(x.values), KernelNumbers(x.values))
                    path.kernels.dropout(key, first, rate, x.start, found.start, count)
                    KernelPath.reference.kernels.dropout(key, first, rate, x.start, expected.start, count)
                    #expect(found.values == expected.values)
                }
            }
        }
    }

    @Test(arguments: KernelPath.all)
    func keptNumbersAreScaledAndRateZeroCopies(path: KernelPath) {
        var numbers = SeededNumbers(seed: 21)
        let x = numbers.floats(1000)
        let out = KernelNumbers(repeating: 0, count: x.count)
        path.kernels.dropout(1, 0, 0, x.start, out.start, x.count)
        #expect(out.bits == x.bits)
        path.kernels.dropout(1, 0, 0.25, x.start, out.start, x.count)
        for (found, value) in zip(out.values, x.values) {
            #expect(found == 0 || found == value * (1 / (1 - 0.25)))
        }
    }

    @Test(arguments: KernelPath.all)
    func theMaskDependsOnKeyAndIndexAlone(path: KernelPath) {
        let first = UInt64(1) << 32 - 700
        let whole = mask(path, key: 9, first: first, rate: 0.4, count: 2000)
        var parts: [Bool] = []
        for count in [1, 3, 15, 16, 17, 300, 500, 1148] {
            parts += mask(path, key: 9, first: first + UInt64(parts.count), rate: 0.4, count: count)
        }
        #expect(parts == whole)
    }

    /// Five standard deviations of the share of kept elements.
    @Test(arguments: [Float(0.01), 0.1, 0.5, 0.9])
    func theShareOfKeptElementsIsOneMinusTheRate(rate: Float) {
        let count = 1 << 18
        let p = Double(1 - rate)
        let allowed = 5 * (p * (1 - p) / Double(count)).squareRoot()
        for key in [UInt64(0), 1, 2, .max, 0x1234_5678_9abc_def0] {
            for first in [UInt64(0), 1 << 20, 1 << 40] {
                let kept = mask(key: key, first: first, rate: rate, count: count).count { $0 }
                #expect(abs(Double(kept) / Double(count) - p) < allowed)
            }
        }
    }

    /// The correlation of two masks at a rate, in standard deviations of what independent ones show.
    private func correlation(_ one: some Collection<Bool>, _ other: some Collection<Bool>, rate: Float) -> Double {
        let p = Double(1 - rate)
        let sum = zip(one, other).reduce(0.0) { $0 + (($1.0 ? 1 : 0) - p) * (($1.1 ? 1 : 0) - p) }
        return sum / (p * (1 - p)) / Double(min(one.count, other.count)).squareRoot()
    }

    @Test(arguments: [Float(0.1), 0.5])
    func neighboursAreIndependent(rate: Float) {
        let one = mask(key: 77, rate: rate, count: 1 << 17)
        for distance in [1, 2, 3, 4, 8, 16, 32, 64, 256, 384, 1024, 1536, 32_768, 65_536] {
            #expect(abs(correlation(one, one.dropFirst(distance), rate: rate)) < 5, "distance \(distance)")
        }
    }

    @Test(arguments: [Float(0.1), 0.5])
    func masksOfNearKeysAreIndependent(rate: Float) {
        let one = mask(key: 1000, rate: rate, count: 1 << 16)
        let others: [UInt64] = [1001, 1002, 1004, 2000, 1000 + 1 << 32, 1000 ^ 1 << 63]
        for key in others {
            let other = mask(key: key, rate: rate, count: 1 << 16)
            for distance in [0, 1, 2, 16] {
                #expect(abs(correlation(one, other.dropFirst(distance), rate: rate)) < 5, "key \(key)")
            }
        }
        // The same key 2³² elements on is another stream.
        let later = mask(key: 1000, first: 1 << 32, rate: rate, count: 1 << 16)
        #expect(abs(correlation(one, later, rate: rate)) < 5)
    }

    /// Pairs and triples of neighbours come as often as independence says: a chi-squared test of runs of eight.
    @Test func runsOfEightComeEquallyOften() {
        for key in [UInt64(3), 4, 5] {
            let bits = mask(key: key, rate: 0.5, count: 1 << 19)
            var counts = [Int](repeating: 0, count: 256)
            for start in stride(from: 0, to: bits.count, by: 8) {
                counts[bits[start..<start + 8].reduce(0) { 2 * $0 + ($1 ? 1 : 0) }] += 1
            }
            let expected = Double(bits.count / 8) / 256
            let statistic = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
            // 255 degrees of freedom: mean 255, standard deviation 22.6.
            #expect(abs(statistic - 255) < 5 * 22.6)
        }
    }
}
