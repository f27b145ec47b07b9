import Encoders
import Matrices

extension BottleneckSettings {
    /// The bottlenecks that are meant on an encoder, in all layers but those left out.
    ///
    /// - Throws: ``AdapterError`` for a layer that does not exist or whose width is not said, for a width that Kronecker products
    ///   do not come to, and where nothing is adapted.
    func adapters(for config: EncoderConfig) throws(AdapterError) -> [BlockSite: Bottleneck] {
        for layer in leftOut + reduction.layers.keys.sorted() where !(0..<config.distinctLayers).contains(layer) {
            throw .noSuchLayer(layer, layers: config.distinctLayers)
        }
        if config.adaptersReadBlockInput, wiring.sumsBefore, blocks.contains(.attention) {
            throw .notForFamily(
                method: "original_ln_before around attention", family: config.family.modelType,
                reason: "AdapterHub's library takes the norm of another layer there")
        }
        var adapters: [BlockSite: Bottleneck] = [:]
        for layer in 0..<config.distinctLayers where !leftOut.contains(layer) {
            guard var width = reduction.width(of: config.hiddenSize, inLayer: layer) else {
                throw .noReduction(layer: layer)
            }
            if let dimension = hypercomplex?.dimension {
                if roundsWidth { width = (width + dimension - 1) / dimension * dimension }
                guard config.hiddenSize.isMultiple(of: dimension), width.isMultiple(of: dimension) else {
                    throw .indivisibleWidth(hidden: config.hiddenSize, bottleneck: width, dimension: dimension)
                }
            }
            for block in blocks {
                let site = BlockSite(layer: layer, block: block)
                adapters[site] = adapter(at: site, hidden: config.hiddenSize, width: width)
            }
        }
        guard !adapters.isEmpty else { throw .nothingTargeted }
        return adapters
    }

    /// A bottleneck whose parameters have, behind the site's, the names that the library gives their tensors.
    private func adapter(at site: BlockSite, hidden: Int, width: Int) -> Bottleneck {
        func name(_ tensor: String) -> String { "\(site).\(tensor)" }
        // The library's way down is a sequence, whose first part may be a norm.
        let norm = normsBefore ? TrainedNorm(name: name("adapter_down.0"), width: hidden) : nil
        let factor: Bottleneck.Scaling =
            switch scaling {
            case .constant(let value): .constant(value)
            case .learned: .trained(Parameter(name: name("scaling"), rows: 1, columns: 1))
            case .channel: .trained(Parameter(name: name("scaling"), rows: 1, columns: hidden))
            }
        return Bottleneck(
            name: "\(site)", wiring: wiring, normBefore: norm,
            down: map(name(normsBefore ? "adapter_down.1" : "adapter_down.0"), "down", inputs: hidden, outputs: width),
            activation: activation.kind,
            up: map(name("adapter_up"), "up", inputs: width, outputs: hidden), scaling: factor,
            normAfter: normsAfter ? TrainedNorm(name: name("adapter_norm_after"), width: hidden) : nil,
            dropoutRate: dropoutRate)
    }

    /// What parameters that all bottlenecks share begin with.
    static let shared = "shared_parameters."

    private func map(_ name: String, _ direction: String, inputs: Int, outputs: Int) -> BottleneckMap {
        guard let hypercomplex else {
            let weight = Parameter(name: name + ".weight", rows: outputs, columns: inputs)
            return BottleneckMap(
                inputs: inputs, outputs: outputs, weight: .dense(weight),
                bias: Parameter(name: name + ".bias", rows: 1, columns: outputs))
        }
        let count = hypercomplex.dimension
        let rules = MatrixStack(
            name: (hypercomplex.sharesRules ? BottleneckSettings.shared : name + ".") + "phm_rule", count: count,
            rows: count, columns: count, rank: hypercomplex.hasFactoredRules ? 1 : nil)
        let blocks = MatrixStack(
            name: hypercomplex.sharesBlocks ? "\(BottleneckSettings.shared)W_\(direction)" : name + ".W",
            count: count, rows: inputs / count, columns: outputs / count, rank: hypercomplex.rank)
        return BottleneckMap(
            inputs: inputs, outputs: outputs, weight: .hypercomplex(HypercomplexWeight(rules: rules, blocks: blocks)),
            bias: hypercomplex.hasBias ? Parameter(name: name + ".b", rows: 1, columns: outputs) : nil)
    }

    // MARK: Starting values

    /// Starting values as the library draws them: a function of the seed and the names.
    func initialize(_ adapters: [BlockSite: Bottleneck], _ values: inout ParameterVector, seed: UInt64) {
        for adapter in adapters.values {
            adapter.normBefore?.initialize(&values)
            adapter.normAfter?.initialize(&values)
            if case .trained(let factor) = adapter.scaling {
                let ones = [Float](repeating: 1, count: factor.count)
                values[factor] = Matrix(rows: 1, columns: factor.columns, values: ones)
            }
            initialize(adapter.down, isUp: false, &values, seed)
            initialize(adapter.up, isUp: true, &values, seed)
        }
    }

    private func initialize(_ map: BottleneckMap, isUp: Bool, _ values: inout ParameterVector, _ seed: UInt64) {
        switch map.weight {
        case .dense(let weight):
            switch start {
            case .bert: values.fill(weight, seed) { 0.02 * $0.normal() }
            case .mam where isUp: break
            case .mam:
                let bound = 1 / Float(weight.columns).squareRoot()
                values.fill(weight, seed) { (2 * $0.uniform() - 1) * bound }
            case .houlsby:
                values.fill(weight, seed) { random in
                    var value = random.normal()
                    while abs(value) > 2 { value = random.normal() }
                    return 0.01 * value
                }
            }
        case .hypercomplex(let weight):
            let settings = hypercomplex ?? Hypercomplex()
            // The library's own bounds: what is shared starts as the settings say, what is not at a hundredth.
            let (deviation, bound): (Float, Float) = settings.sharesRules ? (settings.rulesStart, 1) : (0.01, 0.01)
            for rule in weight.rules.parameters {
                values.fill(rule, seed) {
                    settings.startsNormal ? deviation * $0.normal() : (2 * $0.uniform() - 1) * bound
                }
            }
            for block in weight.blocks.parameters {
                // Glorot's, of each of the matrices.
                let spread = (2 / Float(block.rows / weight.blocks.count + block.columns)).squareRoot()
                values.fill(block, seed) { spread * $0.normal() }
            }
        }
    }
}

extension ParameterVector {
    /// Draws the numbers of a parameter: a function of the seed and its name.
    mutating func fill(_ parameter: Parameter, _ seed: UInt64, _ draw: (inout RandomStream) -> Float) {
        var random = RandomStream(seed: seed, name: parameter.name)
        self[parameter] = Matrix(
            rows: parameter.rows, columns: parameter.columns, values: (0..<parameter.count).map { _ in draw(&random) })
    }
}
