import Files

/// An object of a recipe, read field by field; at the end every field has been asked for, or is refused by name.
struct RecipeObject {
    /// The object itself.
    let node: RecipeNode
    private let fields: [RecipeValue.Field]
    /// The names that were asked for, whether they are there or not: those that the object may have.
    private var asked: [String] = []

    init(_ node: RecipeNode, _ fields: [RecipeValue.Field]) { (self.node, self.fields) = (node, fields) }

    /// All fields, for an object whose names are the user's own.
    var all: [(name: String, node: RecipeNode)] { fields.map { ($0.name, child($0)) } }

    /// A field; nil if it is not there, or null.
    mutating func optional(_ name: String) -> RecipeNode? {
        asked.append(name)
        return fields.first { $0.name == name }.map(child).flatMap { $0.isNull ? nil : $0 }
    }

    /// A field that may be null: what it is then is not what it is where it is missing.
    mutating func nullable(_ name: String) -> RecipeNode? {
        asked.append(name)
        return fields.first { $0.name == name }.map(child)
    }

    /// A field that has to be there.
    mutating func required(_ name: String) throws(RecipeError) -> RecipeNode {
        guard let node = optional(name) else { throw self.node.failure(.missingField(name)) }
        return node
    }

    /// Whether a field is there.
    func has(_ name: String) -> Bool { fields.contains { $0.name == name } }

    /// Refuses what was not asked for.
    func end() throws(RecipeError) {
        for field in fields where !asked.contains(field.name) {
            throw RecipeError(
                node.file, line: field.value.line, at: node.path,
                .unknownField(field.name, known: asked, nearest: NearestName.to(field.name, among: asked)))
        }
    }

    private func child(_ field: RecipeValue.Field) -> RecipeNode {
        RecipeNode(value: field.value, path: RecipeNode.path(node.path, field.name), file: node.file)
    }
}
