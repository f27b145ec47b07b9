import Adapters
import Encoders
import Foundation

extension TrainingRecipe.Adapter.Start {
    /// `{"method": "lora", "rank": 8, …}` or `{"from": "folder"}`
    init(_ node: RecipeNode, _ paths: RecipePaths) throws(RecipeError) {
        var object = try node.object()
        if let from = object.optional("from") {
            let settings =
                ["method", "targets", "exclude", "layers", "parts"] + AdapterMethods.all.flatMap { $0.settingNames }
            if let other = settings.first(where: object.has) {
                throw from.failure(
                    .conflict(
                        "an adapter that goes on from a folder has its '\(other)' from there; leave one of the two out")
                )
            }
            try object.end()
            self = .folder(try paths.existing(from, isFolder: true))
            return
        }
        let recipe = try AdapterRecipe(node, &object)
        try object.end()
        self = .new(recipe)
    }
}

extension TrainingRecipe.Task {
    /// A task; an adapter that is its own, written in place of a name, is added to `adapters`.
    init(
        _ name: String, _ node: RecipeNode, _ paths: RecipePaths, _ adapters: inout [TrainingRecipe.Adapter]
    ) throws(RecipeError) {
        var object = try node.object()
        self.init(name, training: nil)
        if let node = object.optional("train") { training = try paths.existing(node, isFolder: false) }
        if let node = object.optional("eval") { evaluation = try paths.existing(node, isFolder: false) }
        if let node = object.optional("limit") { limit = try node.integer(1...Int.max) }
        if let node = object.optional("objective") { objective = try node.choice("objective") }
        if let node = object.optional("text_field") { fields.text = try node.text("a field's name") }
        if let node = object.optional("pair_field") { fields.pair = try node.text("a field's name") }
        if let node = object.optional("label_field") { fields.label = try node.text("a field's name") }
        if let node = object.optional("weight") { weight = Float(try node.positive()) }
        if let node = object.optional("maximum_drop") {
            maximumDrop = try node.number("a number of 0 or more") { $0 >= 0 }
        }
        if let node = object.optional("adapter") {
            if let name = node.optionalText {
                let names = adapters.map(\.name)
                guard names.contains(name) else {
                    throw node.failure(
                        .unknownName(name, of: "adapter", known: names, nearest: RecipeNode.nearest(name, names)))
                }
                adapter = name
            } else {
                guard case .object = node.value.content else {
                    throw node.invalid("an adapter's name, or an object that describes one")
                }
                if adapters.contains(where: { $0.name == name }) {
                    throw node.failure(
                        .conflict("there is an adapter '\(name)' already; give one of the two another name"))
                }
                adapters.append(.init(name, try .init(node, paths)))
                adapter = name
            }
        }
        if let node = object.optional("head") { head = try TrainingRecipe.Head(node, paths) }
        if let node = object.optional("loss") {
            guard case .new(var recipe) = head else {
                throw node.failure(.conflict("a head from a folder trains with its usual loss; leave this out"))
            }
            recipe.loss = try LossOptions(node)
            head = .new(recipe)
        }
        try object.end()
        try check(node, &object)
    }

    /// What a task needs so that there is something to do, and no head stays untrained.
    private func check(_ node: RecipeNode, _ object: inout RecipeObject) throws(RecipeError) {
        func refuse(_ field: String, _ words: String) throws(RecipeError) {
            throw (object.optional(field) ?? node).failure(.conflict(words))
        }
        if training == nil {
            guard evaluation != nil else {
                throw node.failure(.conflict("it has neither 'train' nor 'eval'; give it one of the two"))
            }
            guard case .folder = head else {
                throw node.failure(
                    .conflict(
                        "without 'train' its head would stay untrained; give it \"head\": {\"from\": …} to only watch it"
                    ))
            }
            if object.has("limit") { try refuse("limit", "it limits what is trained on, and there is no 'train'") }
            if object.has("weight") { try refuse("weight", "it is that of its loss, and without 'train' it has none") }
        }
        if maximumDrop != nil, evaluation == nil {
            try refuse("maximum_drop", "it is a drop of the score on 'eval', which is missing")
        }
    }
}

extension TrainingRecipe.Head {
    /// `{"shape": "linear"}` or `{"from": "folder", "frozen": true}`
    init(_ node: RecipeNode, _ paths: RecipePaths) throws(RecipeError) {
        var object = try node.object()
        let (shape, from, frozen) = (object.optional("shape"), object.optional("from"), object.optional("frozen"))
        let threshold = object.optional("threshold")
        try object.end()
        if let from {
            if let shape {
                throw shape.failure(.conflict("a head from a folder has its shape; leave one of the two out"))
            }
            if let threshold {
                throw threshold.failure(.conflict("a head from a folder has its threshold; leave one of the two out"))
            }
            self = .folder(try paths.existing(from, isFolder: true), isFrozen: try frozen?.flag() ?? false)
        } else {
            if let frozen, try frozen.flag() {
                throw frozen.failure(.conflict("a new head that is frozen would stay untrained; give it a 'from'"))
            }
            var recipe = HeadRecipe(try shape?.choice("shape") ?? .linear)
            if let threshold { recipe.threshold = Float(try threshold.number(0...0.9999)) }
            self = .new(recipe)
        }
    }
}

extension TaskMixing {
    /// `{"by": "temperature", "temperature": 2}`
    init(_ node: RecipeNode) throws(RecipeError) {
        var object = try node.object()
        let name = try object.required("by").choice(
            "way of mixing", [("proportional", "proportional"), ("temperature", "temperature"), ("even", "even")])
        let temperature = object.optional("temperature")
        try object.end()
        switch (name, temperature) {
        case ("temperature", let temperature?): self = .temperature(try temperature.positive())
        case ("temperature", nil): throw node.failure(.missingField("temperature"))
        case (_, let temperature?):
            throw temperature.failure(.conflict("it says nothing with \"by\": \"\(name)\"; leave one of the two out"))
        case ("even", nil): self = .even
        default: self = .proportional
        }
    }
}

extension TrainingStage {
    /// `{"name": "heads", "train": ["heads"], "epochs": 2, …}`
    init(_ node: RecipeNode, _ options: TrainingOptions, hasAdapters: Bool) throws(RecipeError) {
        var object = try node.object()
        var options = options
        let trainsNode = object.optional("train")
        var trains = Trains(adapters: hasAdapters)
        if let trainsNode { trains = try Trains(trainsNode) }
        let name = object.optional("name")
        try options.read(&object)
        try object.end()
        if trains.adapters, !hasAdapters {
            throw (trainsNode ?? node).failure(.conflict("no adapter is there to train; describe one under 'adapters'"))
        }
        self.init(try name?.text("a name") ?? trains.words, trains: trains, options)
    }
}

extension GradualUnfreezing {
    /// `{"from": "top", "epochs_each": 1, "layers": 3, "train": ["heads"], …}`
    init(_ node: RecipeNode, _ options: TrainingOptions, hasAdapters: Bool) throws(RecipeError) {
        var object = try node.object()
        var options = options
        let start: Start = try object.required("from").choice("end of the encoder")
        let epochs = try object.required("epochs_each").integer(1...100_000)
        let layers = try object.optional("layers").map { (node) throws(RecipeError) in try node.integer(1...9999) }
        let trainsNode = object.optional("train")
        var beside = TrainingStage.Trains(adapters: hasAdapters)
        if let trainsNode { beside = try TrainingStage.Trains(trainsNode) }
        if object.has("epochs") {
            throw (object.optional("epochs") ?? node).failure(
                .conflict("the epochs of each stage are 'epochs_each'; leave this out"))
        }
        try options.read(&object)
        try object.end()
        if beside.adapters, !hasAdapters {
            throw (trainsNode ?? node).failure(.conflict("no adapter is there to train; describe one under 'adapters'"))
        }
        options.epochs = epochs
        self.init(from: start, layers: layers, beside: beside, options)
    }
}
