import Encoders
import Matrices

/// Orthogonal finetuning by butterfly factors of one frozen linear map (Liu et al. 2024): the input is turned before it goes
/// through the map, and each output has a factor:
///
///     y = s ⊙ (x R Wᵀ) + b,   R = Gₘ₋₁ … G₁ G₀,   Gᵢ = Pᵢ Dᵢ Pᵢᵀ
///
/// Dᵢ is block-diagonal, its blocks (I − S)(I + S)⁻¹ with S the skew-symmetric part of what trains, and Pᵢ a permutation that brings
/// together what lies 2ⁱ half blocks apart. What trains of R starts at zero and s at 1, so a fresh adapter changes nothing.
public struct BOFT: MergeableAdapter {
    /// The blocks of D₀, then of D₁, …, one below the other: [factors · blocks · size, size].
    public let rotation: Parameter
    /// s, one row.
    public let factors: Parameter
    /// m
    public let butterflyFactors: Int
    /// Share of the blocks of one butterfly factor that turn nothing in a pass, in training.
    public let dropoutRate: Float

    private let blocks: Int
    /// Of each butterfly factor where each column goes before its blocks; nil where it stays.
    private let permutations: [[Int]?]

    /// An adapter for a linear map of these extents. `name` is unique among adapters: parameters are called after it.
    ///
    /// - Precondition: ``isPossible(inputs:blockSize:butterflyFactors:)``
    public init(
        name: String, inputs: Int, outputs: Int, blockSize: Int, butterflyFactors: Int, dropoutRate: Float
    ) {
        precondition(
            BOFT.isPossible(inputs: inputs, blockSize: blockSize, butterflyFactors: butterflyFactors),
            "blocks cover the inputs, and butterfly factors pair them")
        blocks = inputs / blockSize
        rotation = Parameter(name: name + ".boft_R", rows: butterflyFactors * inputs, columns: blockSize)
        factors = Parameter(name: name + ".boft_s", rows: 1, columns: outputs)
        (self.butterflyFactors, self.dropoutRate) = (butterflyFactors, dropoutRate)
        permutations = (0..<butterflyFactors).map { factor in
            factor == 0 ? nil : BOFT.permutation(inputs, of: blockSize << factor, half: blockSize / 2)
        }
    }

    /// Whether blocks of this size cover so many inputs, and can be paired so often.
    public static func isPossible(inputs: Int, blockSize: Int, butterflyFactors: Int) -> Bool {
        guard blockSize > 0, (1...24).contains(butterflyFactors), inputs % blockSize == 0 else { return false }
        return butterflyFactors == 1 || blockSize % 2 == 0 && inputs % (blockSize << (butterflyFactors - 1)) == 0
    }

    /// Within each range of `size` columns, the half blocks of even number and then those of odd number.
    private static func permutation(_ columns: Int, of size: Int, half: Int) -> [Int] {
        let count = size / half
        let order = Array(stride(from: 0, to: count, by: 2)) + Array(stride(from: 1, to: count, by: 2))
        return (0..<columns).map { column in
            let (start, offset) = (column / size * size, column % size)
            return start + order[offset / half] * half + offset % half
        }
    }

    /// What R is made of, then s.
    public var parameters: [Parameter] { [rotation, factors] }

    /// The factors, which would not go back to 1 as they shrink.
    public var undecayedParameters: [Parameter] { [factors] }

    private var size: Int { rotation.columns }
    private var inputs: Int { blocks * size }

    /// Zeros, and ones for the outputs.
    public func initialize(_ values: inout ParameterVector) {
        values[factors] = Matrix(rows: 1, columns: factors.columns, values: repeatElement(1, count: factors.columns))
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves the gradients and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let cayley = pass.changedMaps.matrices(of: rotation) { return [self.cayley(pass.parameters)] }[0]
        let still = stillBlocks(pass)
        let rotations = self.rotations(cayley, still: still, pass)
        // The first factor that x meets is the last.
        var (u, entering) = (x.values, [Matrix](repeating: .empty, count: butterflyFactors))
        for factor in (0..<butterflyFactors).reversed() {
            entering[factor] = scattered(u, permutations[factor])
            u = gathered(rotations[factor].rotate(entering[factor]), permutations[factor])
        }
        let (z, basePullback) = base.forward(LinearInput(u, for: base), pass.reachingInput)
        let s = pass.parameters[factors].values
        // s ⊙ (z − b) + b
        let kept = zip(s, base.bias).map { (1 - $0) * $1 }
        var y = z.multiplyingColumns(by: s)
        y.addToRows(kept)
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let (trainsRotation, trainsFactors) = (pass.trains(rotation), pass.trains(factors))
        return (
            y,
            { [self, entering] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                if trainsFactors {
                    var turned = z
                    turned.addToRows(base.bias.map { -$0 })
                    gradients.addColumnSums(of: dy, times: turned, to: factors)
                }
                guard trainsRotation || dx.isWanted else { return }
                var du = inputGradient(
                    of: dy.multiplyingColumns(by: s), by: basePullback, columns: inputs, &gradients)
                var dCayley = Matrix(rows: rotation.rows, columns: size)
                for factor in 0..<butterflyFactors {
                    let d = scattered(du, permutations[factor])
                    if trainsRotation {
                        let share = rotations[factor].gradient(of: entering[factor], d)
                        let rows = factor * inputs..<(factor + 1) * inputs
                        dCayley.withMutableView { all in share.withView { all.rows(rows).copy($0) } }
                    }
                    du = gathered(rotations[factor].rotateBack(d), permutations[factor])
                }
                if trainsRotation {
                    for block in still { dCayley.setRows(block * size..<(block + 1) * size, 0) }
                    let d = skewPart(Orthogonal.cayleyPullback(dCayley, cayley))
                    d.withView { d in gradients.withMutableView(of: rotation) { $0.add(d) } }
                }
                if dx.isWanted { dx.add(du) }
            }
        )
    }

    /// s ⊙ W Rᵀ: each row of the weight turned, and times its factor.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        let rotations = self.rotations(cayley(parameters), still: [], nil)
        var weight = base.weight
        for factor in 0..<butterflyFactors {
            weight = gathered(
                rotations[factor].rotateBack(scattered(weight, permutations[factor])), permutations[factor])
        }
        return weight.multiplyingRows(by: parameters[factors].values)
    }

    // MARK: R

    /// The blocks of all butterfly factors.
    private func cayley(_ parameters: ParameterVector) -> Matrix {
        Orthogonal.cayley(skewPart(parameters[rotation]))
    }

    /// (D − Dᵀ) / 2 of each block D, which is also the gradient of D from that of its skew-symmetric part.
    private func skewPart(_ blocks: Matrix) -> Matrix {
        var skew = Matrix(uninitializedRows: blocks.rows, columns: size)
        for first in stride(from: 0, to: blocks.rows, by: size) {
            for row in 0..<size {
                for column in 0..<size {
                    skew[first + row, column] = 0.5 * (blocks[first + row, column] - blocks[first + column, row])
                }
            }
        }
        return skew
    }

    private func rotations(_ cayley: Matrix, still: [Int], _ pass: Pass?) -> [BlockRotation] {
        func blocks(_ factor: Int) -> Matrix { cayley.rows(factor * inputs..<(factor + 1) * inputs) }
        guard still.isEmpty else {
            var cayley = cayley
            for block in still {
                cayley.setRows(block * size..<(block + 1) * size, 0)
                for row in 0..<size { cayley[block * size + row, row] = 1 }
            }
            return (0..<butterflyFactors).map {
                BlockRotation(blocks: cayley.rows($0 * inputs..<($0 + 1) * inputs))
            }
        }
        guard let pass else { return (0..<butterflyFactors).map { BlockRotation(blocks: blocks($0)) } }
        let matrices = pass.changedMaps.matrices(of: factors) {
            (0..<butterflyFactors).flatMap { BlockRotation(blocks: blocks($0)).matrices }
        }
        return (0..<butterflyFactors).map {
            BlockRotation(size: size, count: self.blocks, Array(matrices[2 * $0..<2 * $0 + 2]))
        }
    }

    /// The blocks, counted through all butterfly factors, that turn nothing in a pass: of one butterfly factor.
    private func stillBlocks(_ pass: Pass) -> [Int] {
        guard dropoutRate > 0, var random = pass.random(rotation.name) else { return [] }
        let factor = Int(random.next() % UInt64(butterflyFactors))
        return random.permutation(blocks).prefix(Int(dropoutRate * Float(blocks))).map { factor * blocks + $0 }
    }

    /// x P: column i goes to where the permutation says.
    private func scattered(_ x: Matrix, _ permutation: [Int]?) -> Matrix {
        guard let permutation else { return x }
        return x.movingColumns { row, out in for (i, place) in permutation.enumerated() { out[place] = row[i] } }
    }

    /// x Pᵀ: the way back.
    private func gathered(_ x: Matrix, _ permutation: [Int]?) -> Matrix {
        guard let permutation else { return x }
        return x.movingColumns { row, out in for (i, place) in permutation.enumerated() { out[i] = row[place] } }
    }
}

extension Matrix {
    fileprivate func movingColumns(
        _ move: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) -> Matrix {
        var out = Matrix(uninitializedRows: rows, columns: columns)
        out.withMutableView { out in
            withView { x in for row in 0..<x.rows { move(x.base + row * x.rowStride, out.base + row * out.rowStride) } }
        }
        return out
    }

    fileprivate mutating func setRows(_ range: Range<Int>, _ value: Float) {
        for row in range { for column in 0..<columns { self[row, column] = value } }
    }
}
