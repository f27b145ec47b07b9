import Encoders
import Matrices

/// What AdapterHub's library asks of ReFT (`ReftConfig`).
public struct ReftSettings: Sendable, Equatable {
    /// `layers`; nil: all.
    public var layers: [Int]?
    /// `prefix_positions`, `suffix_positions`: how many tokens of a text's beginning and of its end are changed.
    public var prefix, suffix: Int
    /// `r`
    public var rank: Int
    /// `orthogonality`: whether the rows of R are orthonormal.
    public var isOrthogonal: Bool
    /// `tied_weights`: whether both ends have one unit.
    public var isTied = false
    /// `subtract_projection`: whether what R sees of x is taken away before.
    public var subtractsProjection: Bool
    /// `dropout`
    public var dropoutRate: Float = 0.05
    /// `non_linearity`; nil: none.
    public var activation: BottleneckSettings.Activation?

    /// ReFT with the library's usual rank and tokens, unless set otherwise.
    public init(
        layers: [Int]? = nil, prefix: Int = 3, suffix: Int = 0, rank: Int = 1, isOrthogonal: Bool,
        subtractsProjection: Bool
    ) {
        (self.layers, self.prefix, self.suffix, self.rank) = (layers, prefix, suffix, rank)
        (self.isOrthogonal, self.subtractsProjection) = (isOrthogonal, subtractsProjection)
    }

    /// `loreft`
    public static let loreft = ReftSettings(isOrthogonal: true, subtractsProjection: true)
    /// `noreft`: LoReFT without the constraint.
    public static let noreft = ReftSettings(isOrthogonal: false, subtractsProjection: true)
    /// `direft`: that without the subtraction.
    public static let direft = ReftSettings(isOrthogonal: false, subtractsProjection: false)

    // MARK: Adapters

    /// The adapters that are meant on an encoder. `projection` gives R of a unit, by its name.
    ///
    /// - Throws: ``AdapterError`` for a layer that does not exist, a rank that is too large, and where nothing is adapted.
    func adapters(
        for config: EncoderConfig, projection: (_ unit: String) throws(AdapterError) -> ReftUnit.Projection
    ) throws(AdapterError) -> [Int: Reft] {
        for layer in layers ?? [] where !(0..<config.distinctLayers).contains(layer) {
            throw .noSuchLayer(layer, layers: config.distinctLayers)
        }
        guard prefix + suffix > 0, layers != [] else { throw .nothingTargeted }
        guard rank < config.hiddenSize else { throw .rankTooLarge(rank, limit: config.hiddenSize - 1) }
        var adapters: [Int: Reft] = [:]
        for layer in layers ?? Array(0..<config.distinctLayers) {
            func unit(_ index: Int) throws(AdapterError) -> ReftUnit {
                let name = "layer.\(layer).reft.units.\(index)"
                return ReftUnit(
                    source: Parameter(name: name + ".learned_source.weight", rows: rank, columns: config.hiddenSize),
                    bias: Parameter(name: name + ".learned_source.bias", rows: 1, columns: rank),
                    projection: try projection(name), subtractsProjection: subtractsProjection,
                    activation: activation?.kind, dropoutRate: dropoutRate)
            }
            let first = try isTied || prefix > 0 ? unit(0) : nil
            let last = try suffix == 0 ? nil : isTied ? first : unit(1)
            adapters[layer] = Reft(
                prefix: prefix, suffix: suffix, prefixUnit: prefix > 0 ? first : nil, suffixUnit: last)
        }
        return adapters
    }

    /// What R of a unit is called where it is a parameter.
    static func projectionName(_ unit: String, isOrthogonal: Bool) -> String {
        unit + (isOrthogonal ? ".projection.parametrizations.weight.original" : ".projection.weight")
    }

    /// Fresh adapters and their values, drawn as PyTorch draws a linear map's: a function of the seed and the names. R starts as
    /// what is orthonormal of that.
    func fresh(
        for config: EncoderConfig, seed: UInt64
    ) throws(AdapterError) -> (adapters: [Int: Reft], parameters: ParameterVector) {
        let (rank, width, isOrthogonal) = (rank, config.hiddenSize, isOrthogonal)
        func drawn(_ name: String, _ rows: Int) -> Matrix {
            var random = RandomStream(seed: seed, name: name)
            let bound = 1 / Float(width).squareRoot()
            return Matrix(
                rows: rows, columns: width, values: (0..<rows * width).map { _ in (2 * random.uniform() - 1) * bound })
        }
        let adapters = try adapters(for: config) { (unit: String) throws(AdapterError) -> ReftUnit.Projection in
            let name = ReftSettings.projectionName(unit, isOrthogonal: isOrthogonal)
            let parameter = Parameter(name: name, rows: rank, columns: width)
            guard isOrthogonal else { return .free(parameter) }
            return .orthogonal(
                OrthogonalRows(
                    original: parameter, base: OrthogonalRows.completion(of: drawn(name, rank)),
                    signs: [Float](repeating: -1, count: rank)))
        }
        var values = ParameterVector(adapters.keys.sorted().flatMap { adapters[$0]?.parameters ?? [] })
        for unit in adapters.values.flatMap(\.units) {
            values[unit.source] = drawn(unit.source.name, rank)
            let bound = 1 / Float(width).squareRoot()
            values.fill(unit.bias, seed) { (2 * $0.uniform() - 1) * bound }
            switch unit.projection {
            case .free(let weight): values[weight] = drawn(weight.name, rank)
            case .orthogonal(let rows):
                var start = Matrix(rows: rank, columns: width)
                for row in 0..<rank { start[row, row] = -1 }
                values[rows.original] = start
            }
        }
        return (adapters, values)
    }
}
