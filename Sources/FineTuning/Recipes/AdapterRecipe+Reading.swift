import Adapters

extension AdapterRecipe.Part {
    /// `{"layers": "0-2", "targets": ["query"], "rank": 4}`: a part of an adapter with this method.
    init(_ node: RecipeNode, of method: any AdapterMethod, called name: String) throws(RecipeError) {
        var object = try node.object()
        if let said = object.optional("method"), said.optionalText != name {
            throw said.failure(
                .conflict(
                    "the parts of an adapter have one method, here \(name), since a folder of PEFT's has one;"
                        + " tasks may have adapters with different methods"))
        }
        let (values, nodes) = try object.settings(of: type(of: method))
        self.init(settings: MethodSettings(values))
        if let node = object.optional("layers") { layers = try node.layers() }
        if let node = object.optional("targets") { targets = try node.targets() }
        try object.end()
        // What is out of range, or cannot differ, is said here and not after the model has been read.
        if !values.isEmpty {
            do { _ = try method.setting(settings, at: []) } catch { throw node.failure(of: error, nodes) }
        }
    }
}

extension RecipeObject {
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
