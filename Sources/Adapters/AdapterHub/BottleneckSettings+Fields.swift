import Encoders
import Files

extension BottleneckSettings {
    /// Fields that are honoured, or that cannot change what a saved adapter computes: how it was started.
    private static let known: Set<String> = [
        "mh_adapter", "output_adapter", "reduction_factor", "non_linearity", "original_ln_before",
        "original_ln_after", "ln_before", "ln_after", "init_weights", "init_weights_seed", "is_parallel", "scaling",
        "residual_before_ln", "adapter_residual_before_ln", "inv_adapter_reduction_factor", "cross_adapter",
        "leave_out", "dropout", "phm_layer", "phm_dim", "factorized_phm_W", "shared_W_phm", "shared_phm_rule",
        "factorized_phm_rule", "phm_c_init", "phm_init_range", "hypercomplex_nonlinearity", "phm_rank", "phm_bias",
        "learn_phm", "architecture", "non_linearity_orig",
    ]

    /// Reads the fields of `config` in `adapter_config.json`. `isOld`: they are of a version that called activations otherwise.
    init(_ fields: JSONFields, isOld: Bool) throws(JSONFieldsError) {
        try fields.checkNames(BottleneckSettings.known.sorted())
        var wiring = BottleneckWiring()
        wiring.isParallel = try fields.flag("is_parallel", default: false)
        wiring.sumsBefore = try fields.flag("original_ln_before", default: false)
        wiring.sumsBehind = try fields.flag("original_ln_after", default: true)
        wiring.isResidualInNorm = try fields.flag("adapter_residual_before_ln", default: false)
        wiring.residual = try fields.choice(
            "residual_before_ln", default: "true",
            of: [("true", .result), ("false", .input), ("post_add", .sum)] as [(String, BottleneckWiring.Residual)])
        try fields.check(
            "residual_before_ln", "post_add", "true or false where original_ln_before is false",
            wiring.residual != .sum || wiring.sumsBefore || wiring.isParallel)
        var blocks: Set<BlockSite.Block> = []
        if try fields.flag("mh_adapter", default: false) { blocks.insert(.attention) }
        if try fields.flag("output_adapter", default: false) { blocks.insert(.feedForward) }
        try fields.check("output_adapter", false, "true, or mh_adapter true", !blocks.isEmpty)
        self.init(
            blocks: blocks, reduction: 1, activation: try BottleneckSettings.activation(fields, isOld: isOld),
            wiring: wiring)
        reduction = try BottleneckSettings.reduction(fields)
        (normsBefore, normsAfter) = (
            try fields.flag("ln_before", default: false), try fields.flag("ln_after", default: false)
        )
        scaling =
            switch fields.value("scaling") {
            case "learned" as String: .learned
            case "channel" as String: .channel
            default: .constant(try fields.number("scaling", default: 1, in: -1e9...1e9))
            }
        dropoutRate = try fields.number("dropout", default: 0, in: 0...0.99)
        start = try fields.choice("init_weights", default: "bert", of: Start.allCases.map { ($0.rawValue, $0) })
        leftOut = try fields.wholeNumbers("leave_out")
        if try fields.flag("phm_layer", default: false) { hypercomplex = try Hypercomplex(fields) }
    }

    private static func activation(_ fields: JSONFields, isOld: Bool) throws(JSONFieldsError) -> Activation {
        // Versions that did not say which they were called the approximation gelu.
        let old = isOld ? [("gelu", Activation.geluNew), ("gelu_orig", .gelu)] : []
        guard let name = try fields.text("non_linearity") else {
            throw .missingField(file: fields.file, field: "non_linearity")
        }
        let choices = old + Activation.allCases.map { ($0.rawValue, $0) }
        guard let found = choices.first(where: { $0.0 == name.lowercased() }) else {
            throw fields.invalid("non_linearity", name, Activation.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return found.1
    }

    private static func reduction(_ fields: JSONFields) throws(JSONFieldsError) -> Reduction {
        guard let value = fields.value("reduction_factor") else {
            throw .missingField(file: fields.file, field: "reduction_factor")
        }
        let expected = "a number above 0, or an object of such by layer and 'default'"
        if let factor = value as? Double, factor > 0 { return Reduction(factor) }
        guard let factors = value as? [String: Double], factors.values.allSatisfy({ $0 > 0 }) else {
            throw fields.invalid("reduction_factor", value, expected)
        }
        var reduction = Reduction(factors["default"])
        for (key, factor) in factors where key != "default" {
            guard let layer = Int(key) else { throw fields.invalid("reduction_factor", value, expected) }
            reduction.layers[layer] = factor
        }
        return reduction
    }

    /// All fields of `config`, with the library's usual values where nothing is said of them here.
    var fields: [String: Any] {
        let plain = hypercomplex ?? Hypercomplex()
        var factors: [String: Any] = [:]
        for (layer, factor) in reduction.layers { factors["\(layer)"] = AdapterHubFiles.plain(factor) }
        factors["default"] = reduction.usual.map(AdapterHubFiles.plain)
        let scale: Any =
            switch scaling {
            // The library takes a whole number for an unknown kind of scaling.
            case .constant(let factor): AdapterHubFiles.decimal(factor)
            case .learned: "learned"
            case .channel: "channel"
            }
        let residual: Any =
            switch wiring.residual {
            case .result: true
            case .input: false
            case .sum: "post_add"
            }
        return [
            "mh_adapter": blocks.contains(.attention), "output_adapter": blocks.contains(.feedForward),
            "reduction_factor": reduction.layers.isEmpty ? factors["default"] ?? 1 : factors,
            "non_linearity": activation.rawValue,
            "original_ln_before": wiring.sumsBefore, "original_ln_after": wiring.sumsBehind,
            "ln_before": normsBefore, "ln_after": normsAfter, "init_weights": start.rawValue,
            "init_weights_seed": AdapterHubFiles.null, "is_parallel": wiring.isParallel, "scaling": scale,
            "use_gating": false, "residual_before_ln": residual,
            "adapter_residual_before_ln": wiring.isResidualInNorm, "inv_adapter": AdapterHubFiles.null,
            "inv_adapter_reduction_factor": AdapterHubFiles.null, "cross_adapter": false,
            "leave_out": leftOut, "dropout": AdapterHubFiles.decimal(dropoutRate),
            "phm_layer": hypercomplex != nil, "phm_dim": plain.dimension, "factorized_phm_W": plain.rank != nil,
            "shared_W_phm": plain.sharesBlocks, "shared_phm_rule": plain.sharesRules,
            "factorized_phm_rule": plain.hasFactoredRules, "phm_c_init": plain.startsNormal ? "normal" : "uniform",
            "phm_init_range": AdapterHubFiles.decimal(plain.rulesStart), "learn_phm": true,
            "hypercomplex_nonlinearity": "glorot-uniform", "phm_rank": plain.rank ?? 1, "phm_bias": plain.hasBias,
            "stochastic_depth": 0.0,
        ]
    }
}

extension BottleneckSettings.Hypercomplex {
    fileprivate init(_ fields: JSONFields) throws(JSONFieldsError) {
        dimension = try fields.positive("phm_dim", default: 4)
        sharesRules = try fields.flag("shared_phm_rule", default: true)
        hasFactoredRules = try fields.flag("factorized_phm_rule", default: false)
        sharesBlocks = try fields.flag("shared_W_phm", default: false)
        let isFactored = try fields.flag("factorized_phm_W", default: true)
        rank = isFactored ? try fields.positive("phm_rank", default: 1) : nil
        // The library itself fails here: it has no shapes for whole blocks that are shared.
        try fields.check("factorized_phm_W", isFactored, "true where shared_W_phm is", isFactored || !sharesBlocks)
        startsNormal = try fields.choice("phm_c_init", default: "normal", of: [("normal", true), ("uniform", false)])
        rulesStart = try fields.number("phm_init_range", default: 0.0001, in: 0...1)
        hasBias = try fields.flag("phm_bias", default: true)
        let learns = try fields.flag("learn_phm", default: true)
        try fields.check("learn_phm", learns, "true", learns)
    }
}

extension JSONFields {
    /// A list of whole numbers, 0 or more; empty where missing.
    func wholeNumbers(_ name: String) throws(JSONFieldsError) -> [Int] {
        guard let value = value(name) else { return [] }
        guard let numbers = value as? [Int], numbers.allSatisfy({ $0 >= 0 }) else {
            throw invalid(name, value, "a list of whole numbers, 0 or more")
        }
        return numbers
    }
}
