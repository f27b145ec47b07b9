/// A value of a recipe's JSON, with the line that it begins on: an object's fields in their order.
struct RecipeValue: Sendable, Equatable {
    /// The line, from 1.
    let line: Int
    let content: Content

    indirect enum Content: Sendable, Equatable {
        case object([Field])
        case list([RecipeValue])
        case text(String)
        /// A number as it is written.
        case number(String)
        case flag(Bool)
        case null
    }

    /// A field of an object.
    struct Field: Sendable, Equatable {
        let name: String
        let value: RecipeValue
    }

    /// What it is, for errors: texts and numbers as they are written.
    var words: String {
        switch content {
        case .object: "an object"
        case .list: "a list"
        case .text(let text): "'\(text)'"
        case .number(let number): number
        case .flag(let flag): flag ? "true" : "false"
        case .null: "null"
        }
    }
}
