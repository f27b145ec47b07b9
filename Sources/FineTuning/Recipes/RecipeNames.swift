/// Names that become those of folders.
enum RecipeNames {
    /// What else stands in the output folder.
    private static let reserved = ["stages", "metrics.jsonl", "report.html"]

    static func check(_ name: String, _ node: RecipeNode, _ kind: String) throws(RecipeError) {
        let isFolderName = !name.isEmpty && !name.hasPrefix(".") && !name.contains("/") && !name.contains("\0")
        guard isFolderName else {
            throw node.failure(
                .conflict(
                    "the \(kind)'s name '\(name)' cannot be that of a folder; choose one without '/' and '.' at its start"
                ))
        }
        guard kind != "task" || !reserved.contains(name) else {
            throw node.failure(
                .conflict("a task cannot be called '\(name)': that is the name of something else in the output folder"))
        }
    }
}
