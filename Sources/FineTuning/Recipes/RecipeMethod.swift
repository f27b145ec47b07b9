import Adapters

/// The method that an object of a recipe says, and what it says of it.
struct RecipeMethod {
    /// As it is called there; nil where nothing is said.
    let named: AdapterMethods.Name?
    /// The method's type: that of the name.
    let type: any AdapterMethod.Type
    /// The settings that stand there.
    let written: [String: MethodSettings.Value]
    /// Where each of them stands.
    let nodes: [String: RecipeNode]

    /// Reads `method`, and the settings of what that is, or of `usual` where it is not there.
    init(_ object: inout RecipeObject, usual: any AdapterMethod.Type) throws(RecipeError) {
        named = try object.optional("method")?.choice("method", AdapterMethods.names.map { ($0.name, $0) })
        type = named?.method ?? usual
        (written, nodes) = try object.settings(of: type)
    }

    /// The settings that stand there, and those that the name says.
    func values() throws(RecipeError) -> [String: MethodSettings.Value] {
        var values = written
        for (name, value) in named?.settings ?? [:] {
            if let said = nodes[name] {
                throw said.failure(
                    .conflict("\"method\": \"\(named?.name ?? "")\" says '\(name)' already; leave it out"))
            }
            values[name] = value
        }
        return values
    }
}
