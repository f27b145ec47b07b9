extension TrainingOptions {
    /// Takes over what an object of a recipe says of them: its `options`, or a stage.
    mutating func read(_ object: inout RecipeObject) throws(RecipeError) {
        if let node = object.optional("epochs") { epochs = try node.integer(1...100_000) }
        if let node = object.optional("batch_size") { batchSize = try node.integer(1...1_000_000) }
        if let node = object.optional("accumulate") { accumulation = try node.integer(1...1_000_000) }
        try readRates(&object)
        try readSchedule(&object)
        if let node = object.optional("weight_decay") { weightDecay = Float(try node.number(0...1)) }
        if let node = object.optional("decay_vectors") { decaysVectors = try node.flag() }
        if let node = object.nullable("clip") { clip = node.isNull ? nil : Float(try node.positive()) }
        if let node = object.nullable("patience") { patience = node.isNull ? nil : try node.integer(1...100_000) }
        if let node = object.nullable("metric") { metric = node.isNull ? nil : try node.text("a score's name") }
        if let node = object.nullable("evaluate_every") {
            evaluationInterval = node.isNull ? nil : try node.integer(1...Int.max)
        }
        if let node = object.nullable("ema") { averageDecay = node.isNull ? nil : Float(try node.number(0...0.999999)) }
        if let node = object.optional("encoder_dropout") { dropsInsideEncoder = try node.flag() }
        if let node = object.optional("feature_cache") { reusesFrozenLayers = try node.flag() }
        if let node = object.optional("feature_memory") { featureMemory = try node.byteCount() }
    }

    /// One number for adapters and heads, or one for each part that is named; and what changes them with the depth.
    private mutating func readRates(_ object: inout RecipeObject) throws(RecipeError) {
        if let node = object.optional("learning_rate") {
            if case .object = node.value.content {
                var rates = try node.object()
                for part in ParameterPlace.Part.allCases {
                    if let rate = rates.optional(part.rawValue) { learningRates[part] = Float(try rate.positive()) }
                }
                try rates.end()
            } else {
                (learningRate, headLearningRate) = (Float(try node.positive()), nil)
            }
        }
        if let node = object.optional("layer_decay") {
            learningRates.layerDecay = Float(try node.number("a number above 0, at most 1") { $0 > 0 && $0 <= 1 })
        }
        if let node = object.optional("lora_plus") { learningRates.upperRatio = Float(try node.positive()) }
    }

    private mutating func readSchedule(_ object: inout RecipeObject) throws(RecipeError) {
        if let node = object.optional("schedule") { schedule = try node.choice("schedule") }
        let (share, steps) = (object.optional("warmup"), object.optional("warmup_steps"))
        if let share {
            if let steps {
                throw steps.failure(.conflict("the warm-up is a share or a number of steps; leave one of the two out"))
            }
            (warmup, warmupSteps) = (try share.number(0...1), nil)
        }
        if let steps { warmupSteps = try steps.integer(0...Int.max) }
        if let node = object.optional("cycles") { cycles = try node.integer(1...100_000) }
        if let node = object.optional("cycle_growth") { cycleGrowth = try node.positive() }
        if let node = object.optional("power") { power = try node.positive() }
        if let node = object.optional("final_share") { finalShare = try node.number(0...1) }
    }
}
