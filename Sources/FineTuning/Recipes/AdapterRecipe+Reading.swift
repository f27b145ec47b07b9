import Adapters

extension AdapterRecipe {
    /// `{"method": "lora", "rank": 8, "targets": …, "parts": […]}`: the fields of `object` that are of a new adapter. `node` is the
    /// object as a whole, for errors.
    init(_ node: RecipeNode, _ object: inout RecipeObject) throws(RecipeError) {
        let whole = try RecipeMethod(&object, usual: LoRAMethod.self)
        let values = try whole.values()
        do { self.init(try whole.type.init(MethodSettings(values))) } catch {
            throw node.failure(of: error, whole.nodes)
        }
        if let node = object.optional("layers") { layers = try node.layers() }
        if let node = object.optional("targets") { targets = try node.targets() }
        if let node = object.optional("exclude") { excluded = try node.targets() }
        let methodNode = object.optional("method")
        let nodes = try object.optional("parts")?.list(of: "parts") ?? []
        for node in nodes { parts.append(try Part(node, of: method, whole, values)) }
        guard !parts.isEmpty else {
            if !whole.type.hasTargets { try object.refusePlaces(whole.type) }
            return
        }
        // What no part takes from the whole would be said for nothing.
        let methods = parts.map { $0.method ?? method }
        guard let first = methods.first, !methods.contains(where: { type(of: $0) == whole.type }) else { return }
        let name = whole.named?.name ?? whole.type.name
        for node in [whole.named == nil ? nil : methodNode] + whole.written.keys.sorted().map({ whole.nodes[$0] }) {
            guard let node else { continue }
            throw node.failure(
                .conflict("no part has the method '\(name)' of the whole; say it in the parts that it is for"))
        }
        method = first
    }
}

extension AdapterRecipe.Part {
    /// `{"layers": "0-2", "method": "ia3"}`: a part of an adapter, with a method of its own or with `method`, which `whole` says by
    /// these values.
    init(
        _ node: RecipeNode, of method: any AdapterMethod, _ whole: RecipeMethod,
        _ values: [String: MethodSettings.Value]
    ) throws(RecipeError) {
        var object = try node.object()
        let said = try RecipeMethod(&object, usual: whole.type)
        let own = try said.values()
        self.init(settings: MethodSettings(said.written))
        if let node = object.optional("layers") { layers = try node.layers() }
        if let node = object.optional("targets") { targets = try node.targets() }
        if !said.type.hasTargets { try object.refusePlaces(said.type) }
        try object.end()
        let isSameName = said.named == nil || said.named?.name == whole.named?.name ?? whole.type.name
        // What is out of range, or cannot differ, is said here and not after the model has been read.
        do {
            if !said.written.isEmpty { _ = try method.setting(settings, at: []) }
            if isSameName { return }
        } catch {
            guard said.named != nil else { throw node.failure(of: error, said.nodes) }
        }
        // What it does not say is as in the whole where that has the same method.
        let inherited = said.type != whole.type ? [:] : isSameName ? values : whole.written
        settings = MethodSettings()
        do { self.method = try said.type.init(MethodSettings(inherited.merging(own) { _, own in own })) } catch {
            throw node.failure(of: error, said.nodes)
        }
    }
}

extension RecipeObject {
    /// Refuses what chooses modules, for a method that is on none of them.
    fileprivate mutating func refusePlaces(_ method: any AdapterMethod.Type) throws(RecipeError) {
        for name in ["targets", "exclude", "layers"] {
            guard has(name), let node = optional(name) else { continue }
            throw node.failure(
                .conflict("the method '\(method.name)' is on no modules that can be chosen; leave '\(name)' out"))
        }
    }

    /// The settings of a method as they were written, and where they stand.
    mutating func settings(
        of method: any AdapterMethod.Type
    ) throws(RecipeError) -> (values: [String: MethodSettings.Value], nodes: [String: RecipeNode]) {
        var (values, nodes) = ([String: MethodSettings.Value](), [String: RecipeNode]())
        for name in method.settingNames {
            nodes[name] = optional(name)
            values[name] = try nodes[name]?.setting()
        }
        return (values, nodes)
    }
}

extension RecipeNode {
    /// The error of a method's settings, at the setting's own place where it is of one.
    func failure(of error: AdapterError, _ settings: [String: RecipeNode]) -> RecipeError {
        guard case .invalidSetting(let name, _, let expected) = error else { return failure(.conflict("\(error)")) }
        return (settings[name] ?? self).invalid(expected)
    }

    /// Modules: a list of names, or text as on the command line.
    func targets() throws(RecipeError) -> AdapterRecipe.Targets {
        let expected = "a list of names, a pattern, or \"all-linear\""
        if let text = optionalText {
            guard let targets = AdapterRecipe.Targets(text) else { throw invalid(expected) }
            return targets
        }
        guard case .list = value.content else { throw invalid(expected) }
        var names: [String] = []
        for item in try list(of: "names") {
            let name = try item.text("the name of a linear map or a module")
            if names.contains(name) { throw item.failure(.conflict("'\(name)' stands twice; leave one out")) }
            names.append(name)
        }
        if names.isEmpty { throw invalid("a name at least, or leave it out for the usual ones") }
        return .names(names)
    }
}
