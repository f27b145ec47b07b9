extension TrainingOptions {
    /// Takes over what an object of a recipe says of them: its `options`, or a stage.
    mutating func read(_ object: inout RecipeObject) throws(RecipeError) {
        if let node = object.optional("epochs") { epochs = try node.integer(1...100_000) }
        if let node = object.optional("batch_size") { batchSize = try node.integer(1...1_000_000) }
        if let node = object.optional("learning_rate") { try readRates(node) }
        if let node = object.optional("schedule") { schedule = try node.choice("schedule") }
        if let node = object.optional("warmup") { warmup = try node.number(0...1) }
        if let node = object.optional("weight_decay") { weightDecay = Float(try node.number(0...1)) }
        if let node = object.nullable("clip") { clip = node.isNull ? nil : Float(try node.positive()) }
        if let node = object.nullable("patience") { patience = node.isNull ? nil : try node.integer(1...100_000) }
        if let node = object.optional("encoder_dropout") { dropsInsideEncoder = try node.flag() }
        if let node = object.optional("feature_cache") { reusesFrozenLayers = try node.flag() }
        if let node = object.optional("feature_memory") { featureMemory = try node.byteCount() }
    }

    /// One number for adapters and heads, or one for each part that is named.
    private mutating func readRates(_ node: RecipeNode) throws(RecipeError) {
        guard case .object = node.value.content else {
            (learningRate, headLearningRate) = (Float(try node.positive()), nil)
            return
        }
        var rates = try node.object()
        if let rate = rates.optional("adapters") { learningRate = Float(try rate.positive()) }
        if let rate = rates.optional("heads") { headLearningRate = Float(try rate.positive()) }
        try rates.end()
    }
}
