import Encoders
import Matrices

/// Orthogonal finetuning of one frozen linear map (Qiu et al. 2023), as PEFT computes it since 0.17: the input is turned before it
/// goes through the map,
///
///     y = base(x R),   R block-diagonal, each block made of a skew-symmetric matrix S
///
/// by Cayley's transform (I − S)(I + S)⁻¹ or by the first terms of its series. S starts at zero, so a fresh adapter changes
/// nothing.
///
/// In the constrained variant (COFT) S is kept within a ball: what is outside counts as the nearest point inside, and has the
/// gradient of that point.
public struct OFT: MergeableAdapter {
    /// Of each block, the numbers of S above its diagonal, row after row; one row for all blocks where they share it.
    public let weight: Parameter
    /// How R is made.
    public let form: Form

    /// How rotations are parametrized.
    public struct Form: Sendable, Equatable {
        /// Rows and columns of a block.
        public let blockSize: Int
        /// Whether all blocks are one.
        public let sharesBlocks: Bool
        /// Terms of the series that stands for Cayley's transform; nil: the transform itself.
        public let neumannTerms: Int?
        /// The largest norm of all blocks of S together, evenly shared; nil: any.
        public let radius: Float?

        /// The given settings.
        public init(blockSize: Int, sharesBlocks: Bool, neumannTerms: Int?, radius: Float?) {
            (self.blockSize, self.sharesBlocks) = (blockSize, sharesBlocks)
            (self.neumannTerms, self.radius) = (neumannTerms, radius)
        }
    }

    private let blocks: Int

    /// An adapter for a linear map with so many inputs, a multiple of the block size. `name` is unique among adapters: the
    /// parameter is called after it.
    public init(name: String, inputs: Int, form: Form) {
        precondition(inputs % form.blockSize == 0, "blocks of a rotation cover the inputs")
        blocks = inputs / form.blockSize
        self.form = form
        weight = Parameter(
            name: name + ".oft_R", rows: form.sharesBlocks ? 1 : blocks,
            columns: form.blockSize * (form.blockSize - 1) / 2)
    }

    /// S.
    public var parameters: [Parameter] { [weight] }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves the gradient of S and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let kept = pass.changedMaps.matrices(of: weight) {
            let made = madeBlocks(pass.parameters)
            return BlockRotation(blocks: repeated(made)).matrices + [made]
        }
        let rotation = BlockRotation(size: form.blockSize, count: blocks, Array(kept[..<2]))
        let (y, basePullback) = base.forward(LinearInput(rotation.rotate(x.values), for: base), pass.reachingInput)
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let trainsWeight = pass.trains(weight)
        return (
            y,
            { [self, values = x.values, parameters = pass.parameters] dy, gradients, dx in
                guard trainsWeight || dx.isWanted else { return }
                let du = inputGradient(of: dy, by: basePullback, columns: values.columns, &gradients)
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                if trainsWeight {
                    let d = pullback(summed(rotation.gradient(of: values, du)), kept[2], parameters)
                    d.withView { d in gradients.withMutableView(of: weight) { $0.add(d) } }
                }
                guard dx.isWanted else { return }
                dx.add(rotation.rotateBack(du))
            }
        )
    }

    /// W Rᵀ: each row of the weight turned.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        BlockRotation(blocks: repeated(madeBlocks(parameters))).rotateBack(base.weight)
    }

    // MARK: R

    /// The blocks of R that there are, one below the other.
    private func madeBlocks(_ parameters: ParameterVector) -> Matrix {
        let skew = Orthogonal.skew(projected(parameters), size: form.blockSize)
        guard let terms = form.neumannTerms else { return Orthogonal.cayley(skew) }
        return Orthogonal.polynomial(skew, Orthogonal.neumannCoefficients(terms: terms))
    }

    /// The gradient of the parameter, from that of the blocks that there are.
    private func pullback(_ dRotation: Matrix, _ rotation: Matrix, _ parameters: ParameterVector) -> Matrix {
        guard let terms = form.neumannTerms else {
            return Orthogonal.skewPullback(Orthogonal.cayleyPullback(dRotation, rotation))
        }
        let skew = Orthogonal.skew(projected(parameters), size: form.blockSize)
        let coefficients = Orthogonal.neumannCoefficients(terms: terms)
        return Orthogonal.skewPullback(Orthogonal.polynomialPullback(dRotation, skew, coefficients))
    }

    /// All blocks, where they share one.
    private func repeated(_ rotation: Matrix) -> Matrix {
        guard form.sharesBlocks else { return rotation }
        let values = rotation.values
        return Matrix(
            rows: blocks * form.blockSize, columns: form.blockSize, values: (0..<blocks).flatMap { _ in values })
    }

    /// The gradients of all blocks added, where they share one.
    private func summed(_ d: Matrix) -> Matrix {
        guard form.sharesBlocks else { return d }
        var sum = d.rows(0..<form.blockSize)
        for block in 1..<max(blocks, 1) { sum.add(d.rows(block * form.blockSize..<(block + 1) * form.blockSize)) }
        return sum
    }

    // MARK: COFT

    /// The numbers of S, within the ball where there is one.
    package func projected(_ parameters: ParameterVector) -> Matrix {
        var values = parameters[weight]
        for block in 0..<values.rows {
            guard let factor = shrinking(values, block) else { continue }
            for column in 0..<values.columns { values[block, column] *= factor }
        }
        return values
    }

    /// What brings a block of S back to the ball; nil where it is inside. Its norm counts each number twice.
    private func shrinking(_ values: Matrix, _ block: Int) -> Float? {
        guard let radius = form.radius else { return nil }
        let most = radius / Float(weight.rows).squareRoot()
        let norm = (2 * values.row(block).reduce(0) { $0 + $1 * $1 }).squareRoot()
        // What was brought back is inside, but for its rounding.
        return norm <= most * (1 + 1e-6) ? nil : most / norm
    }
}
