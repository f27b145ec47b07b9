import Encoders

extension AdapterRecipe {
    /// The recipe of each method, in the order in which the parts name them; the recipe itself where it has one method.
    ///
    /// Parts of equal methods are of one recipe, and so in one folder. Methods of AdapterHub's library say the same blocks for all
    /// layers, so each of their parts is by itself.
    package var byMethod: [AdapterRecipe] {
        guard parts.contains(where: { $0.method != nil }) else { return [self] }
        var recipes: [AdapterRecipe] = []
        for part in parts {
            let method = part.method ?? self.method
            let place = recipes.firstIndex { recipe in
                recipe.method.isEqual(to: method) && (part.method == nil || !(method is any AdapterHubMethod))
            }
            var own = part
            own.method = nil
            if let place {
                recipes[place].parts.append(own)
                continue
            }
            var recipe = self
            recipe.method = method
            if !type(of: method).hasTargets { (recipe.targets, recipe.excluded, recipe.layers) = (.usual, nil, nil) }
            recipe.parts = [own]
            recipes.append(recipe)
        }
        return recipes.count > 1 ? recipes.map(\.withItsOwnSettings) : recipes
    }

    /// The same, where its one part has settings of its own: then they are those of the method, and no exceptions to it.
    private var withItsOwnSettings: AdapterRecipe {
        guard parts.count == 1, var lora = method as? LoRAMethod, !parts[0].settings.names.isEmpty,
            let own = (try? lora.setting(parts[0].settings, at: []))?.own.last
        else { return self }
        (lora.rank, lora.alpha, lora.dropoutRate) = (own.rank, own.alpha, own.dropoutRate)
        var recipe = self
        recipe.method = lora
        recipe.parts[0].settings = MethodSettings()
        return recipe
    }

    /// The names of the methods, in the order of the parts; one where it has one method.
    package var methodNames: [String] { byMethod.map { type(of: $0.method).name } }

    /// How many positions of the encoder its adapters take before the first token of a text.
    package var virtualTokens: Int { byMethod.reduce(0) { $0 + $1.method.virtualTokens } }

    /// A few words on what these adapters of it are: "(IA)³ + LoRA of rank 8 (alpha 16)".
    package func summary(of adapters: AdapterSet, on config: EncoderConfig) -> String {
        let recipes = byMethod
        let own = adapters.parts.isEmpty ? [adapters] : adapters.parts.map(\.adapters)
        return zip(recipes, own).map { $0.method.settled(on: $1, for: config).summary }.joined(separator: " + ")
    }

    /// The same where a prompt that starts from a text starts from the tokens that `spell` makes of it.
    package func spelled<Failure>(by spell: (String) throws(Failure) -> [Int32]) throws(Failure) -> AdapterRecipe {
        func spelled(_ method: any AdapterMethod) throws(Failure) -> any AdapterMethod {
            guard var prompt = method as? PromptTuningMethod, case .text(let text) = prompt.start else { return method }
            prompt.start = .words(try spell(text))
            return prompt
        }
        var recipe = self
        recipe.method = try spelled(method)
        for (index, part) in parts.enumerated() {
            if let method = part.method { recipe.parts[index].method = try spelled(method) }
        }
        return recipe
    }

    /// Adapters of each method by `fresh`, together where there are several.
    func assembled(
        on encoder: TransformerEncoder,
        _ fresh: (AdapterRecipe) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector)
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        _ = try places(on: encoder.config)
        let recipes = byMethod
        if recipes.count == 1 { return try fresh(recipes[0]) }
        guard recipes.count(where: { $0.method is AdaLoRAMethod }) < 2 else {
            throw .notOfMethod(
                "gives out its ranks among all of its maps together; give its parts the same settings",
                method: AdaLoRAMethod.name)
        }
        var made: [(adapters: AdapterSet, parameters: ParameterVector)] = []
        for recipe in recipes { made.append(try fresh(recipe)) }
        if let twice = AdapterSet.firstOverlap(of: made.map(\.adapters)) { throw .inSeveralParts(module: twice) }
        let names = SeveralMethods.names(of: recipes.map(\.method))
        let adapters = AdapterSet.union(
            of: zip(names, made).map { .init(name: $0, $1.adapters) }, on: encoder.config)
        var values = ParameterVector(adapters.parameters)
        for part in made {
            for parameter in part.adapters.parameters { values[parameter] = part.parameters[parameter] }
        }
        return (adapters, values)
    }
}

extension AdapterMethod {
    /// Whether it is on modules that a recipe can choose: others are everywhere at once, or on no module at all.
    package static var hasTargets: Bool { sharedFields.contains(.targets) || self is any AdapterHubMethod.Type }
}
