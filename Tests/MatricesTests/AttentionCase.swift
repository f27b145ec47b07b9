import CKernels
import Foundation

/// One call of attention with seeded numbers, whose rows lie further apart than they are wide.
struct AttentionCase {
    let length, heads, width: Int
    let rate: Float
    var format = GRAFT_FLOAT32
    /// How far scores spread.
    var range: Float = 2
    var bias = Bias.none
    /// How far a token attends; nil: to all.
    var reach: Int?

    static let key: UInt64 = 0x0123_4567_89ab_cdef
    static let stream: UInt32 = 7
    static let guardNumber: Float = 4711

    var hidden: Int { heads * width }
    var gap: Int { length % 3 }
    var stride: Int { hidden + gap }
    /// Not 1/√width, so that a wrong scale shows.
    var scale: Float { 0.9 / Float(width).squareRoot() }

    var numbers: (query: [Float], key: [Float], value: [Float], dContext: [Float]) {
        var seeded = SeededNumbers(seed: UInt64(length * 1000 + heads * 100 + width))
        func next() -> [Float] { seeded.floats(length * stride, in: -range...range).values }
        return (next(), next(), next(), next())
    }

    /// What is added to scores. The gradient of a bias of each place is asked for, and is the last result.
    enum Bias { case none, ofDistances, ofPlaces }

    /// From one row of scores to the next, where each place has a bias: whole lines of 16 numbers.
    var scoreStride: Int { (length + 15) / 16 * 16 }

    /// [heads, distances −(length − 1) … length − 1], or [heads, length, scoreStride].
    var biases: [Float] {
        var seeded = SeededNumbers(seed: UInt64(length + heads))
        switch bias {
        case .none: return []
        case .ofDistances: return seeded.floats(heads * (2 * length - 1), in: -2...2).values
        case .ofPlaces: return seeded.floats(heads * length * scoreStride, in: -2...2).values
        }
    }

    /// Where the bias of the scores (0, 0) of a head is, and how far it is to the next head and the next row.
    private func biasPlace(ofHead head: Int) -> (start: Int, headStride: Int, rowStride: Int) {
        bias == .ofPlaces
            ? (head * length * scoreStride, length * scoreStride, scoreStride)
            : (head * (2 * length - 1) + length - 1, 2 * length - 1, -1)
    }

    /// What attention wrote: [length, hidden] each, without the gaps.
    struct Results: Equatable {
        var context: [Float] = []
        var dQuery: [Float] = []
        var dKey: [Float] = []
        var dValue: [Float] = []

        /// [heads, length, length], where each place has a bias.
        var dScores: [Float]?

        var all: [[Float]] { [context, dQuery, dKey, dValue] + (dScores.map { [$0] } ?? []) }
    }

    struct Wanted: Hashable {
        var query = true
        var key = true
        var value = true
    }

    /// Forward and backward of some heads. `wroteBetween` comes back true if a gap or a place past the end was written.
    func results(
        of kernels: GraftKernels, heads range: Range<Int>? = nil, wanted: Wanted = Wanted()
    ) -> (results: Results, wroteBetween: Bool) {
        let range = range ?? 0..<heads
        let (query, key, value, dContext) = numbers
        let inputs = [query, key, value, dContext].map(KernelNumbers.init)
        let outputs = (0..<4).map { _ in KernelNumbers(repeating: Self.guardNumber, count: length * stride) }
        let statistics = KernelNumbers(repeating: .nan, count: 2 * range.count * length)
        let bias = KernelNumbers(biases)
        let place = biasPlace(ofHead: range.lowerBound)
        let dScores = KernelNumbers(
            repeating: Self.guardNumber, count: self.bias == .ofPlaces ? range.count * length * scoreStride + 16 : 0)
        let count = kernels.attention_scratch(format, length, width, reach ?? length)
        // What scratch holds before must not matter.
        let scratch = KernelNumbers(repeating: .nan, count: count + 16)
        // Kernels know addresses only, which keep nothing alive.
        defer { withExtendedLifetime((inputs, statistics, bias)) {} }
        let first = range.lowerBound * width
        var call = GraftAttention(
            format: format, length: length, heads: range.count, width: width, query: inputs[0].start + first,
            key: inputs[1].start + first, value: inputs[2].start + first, query_stride: stride, key_stride: stride,
            value_stride: stride, scale: scale, reach: reach ?? length,
            bias: self.bias == .none ? nil : bias.start + place.start, bias_head_stride: place.headStride,
            bias_row_stride: place.rowStride, dropout_rate: rate,
            dropout_stream: Self.stream + UInt32(range.lowerBound), dropout_key: Self.key,
            statistics: statistics.start, scratch: scratch.start, context: outputs[0].start + first,
            context_stride: stride)
        var gradients = GraftAttentionGradients(
            context: inputs[3].start + first, context_stride: stride,
            query: wanted.query ? outputs[1].start + first : nil, key: wanted.key ? outputs[2].start + first : nil,
            value: wanted.value ? outputs[3].start + first : nil, query_stride: stride, key_stride: stride,
            value_stride: stride, scores: dScores.count > 0 ? dScores.start : nil,
            scores_head_stride: length * scoreStride, scores_row_stride: scoreStride)
        kernels.attention(&call)
        for index in 0..<count { scratch.start[index] = .nan }
        kernels.attention_backward(&call, &gradients)

        func columns(_ numbers: [Float], _ columns: Range<Int>) -> [Float] {
            let starts = (0..<length).map { $0 * stride }
            return starts.flatMap { numbers[$0 + columns.lowerBound..<$0 + columns.upperBound] }
        }
        let (written, rest) = (first..<first + range.count * width, [0..<first, first + range.count * width..<stride])
        let touched = outputs.contains { output in
            rest.contains { columns(output.values, $0).contains { $0 != Self.guardNumber } }
        }
        let behind =
            scratch.values.suffix(16).contains { !$0.isNaN }
            || dScores.values.suffix(16).contains { $0 != Self.guardNumber }
        let found = outputs.map { columns($0.values, written) }
        var results = Results(context: found[0], dQuery: found[1], dKey: found[2], dValue: found[3])
        if dScores.count > 0 {
            let rows = (0..<range.count * length).map { $0 * scoreStride }
            results.dScores = rows.flatMap { dScores.values[$0..<$0 + length] }
        }
        return (results, touched || behind)
    }

    /// The equations in Double. The mask is what `dropout` leaves of ones.
    var expected: [[Double]] {
        let (query, key, value, dContext) = numbers
        let biases = biases
        var results = [[Double]](repeating: [Double](repeating: 0, count: length * hidden), count: 4)
        if bias == .ofPlaces { results.append([Double](repeating: 0, count: heads * length * length)) }
        for head in 0..<heads {
            func row(_ x: [Float], _ index: Int) -> [Double] {
                let start = index * stride + head * width
                return x[start..<start + width].map(Double.init)
            }
            func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
            let (q, k) = ((0..<length).map { row(query, $0) }, (0..<length).map { row(key, $0) })
            let (v, dO) = ((0..<length).map { row(value, $0) }, (0..<length).map { row(dContext, $0) })
            for i in 0..<length {
                let mask = KernelNumbers(repeating: 1, count: length)
                KernelPath.reference.kernels.dropout(
                    Self.key, UInt64(Self.stream + UInt32(head)) << 32 + UInt64(i * length), rate, mask.start,
                    mask.start, length)
                let scores: [Double] = k.indices.map { j in
                    guard abs(i - j) <= reach ?? length else { return -.infinity }
                    let place = biasPlace(ofHead: head)
                    let addend = bias == .none ? 0 : Double(biases[place.start + i * place.rowStride + j])
                    return Double(scale) * dot(q[i], k[j]) + addend
                }
                let greatest = scores.max() ?? 0
                let powers = scores.map { exp($0 - greatest) }
                let sum = powers.reduce(0, +)
                let p = powers.map { $0 / sum }
                let dP = (0..<length).map { Double(mask.start[$0]) * dot(dO[i], v[$0]) }
                let projection = dot(p, dP)
                for j in 0..<length {
                    let kept = Double(mask.start[j]) * p[j]
                    let dScore = p[j] * (dP[j] - projection), dS = Double(scale) * dScore
                    if bias == .ofPlaces { results[4][(head * length + i) * length + j] = dScore }
                    for c in 0..<width {
                        let (atI, atJ) = (i * hidden + head * width + c, j * hidden + head * width + c)
                        results[0][atI] += kept * v[j][c]
                        results[1][atI] += dS * k[j][c]
                        results[2][atJ] += dS * q[i][c]
                        results[3][atJ] += kept * dO[i][c]
                    }
                }
            }
        }
        return results
    }
}
