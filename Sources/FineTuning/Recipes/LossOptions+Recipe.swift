extension LossOptions {
    /// `{"kind": "focal", "focal_gamma": 2, "class_weights": "balanced", …}`
    init(_ node: RecipeNode) throws(RecipeError) {
        self.init()
        var object = try node.object()
        if let node = object.optional("kind") { kind = try node.choice("loss") }
        if let node = object.optional("class_weights") {
            if node.optionalText != nil {
                classWeights = try node.choice("way of weighting", [("balanced", .balanced)])
            } else {
                guard case .object = node.value.content else {
                    throw node.invalid("\"balanced\", or an object of numbers")
                }
                var weights: [String: Float] = [:]
                for (name, node) in try node.object().all {
                    weights[name] = Float(try node.number("a number of 0 or more") { $0 >= 0 })
                }
                classWeights = .given(weights)
            }
        }
        if let node = object.optional("label_smoothing") { labelSmoothing = Float(try node.number(0...0.9999)) }
        if let node = object.optional("focal_gamma") { focalGamma = Float(try node.number(0...100)) }
        if let node = object.optional("ranking_scale") { rankingScale = Float(try node.positive()) }
        if let node = object.optional("triplet_margin") {
            tripletMargin = Float(try node.number("a number of 0 or more") { $0 >= 0 })
        }
        if let node = object.optional("triplet_distance") { tripletDistance = try node.choice("distance") }
        try object.end()
    }
}
