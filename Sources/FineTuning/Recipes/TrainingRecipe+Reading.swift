import Adapters
import Encoders
import Files
import Foundation
import Matrices

extension TrainingRecipe {
    /// Reads a recipe file. Paths in it are meant from its own folder on.
    ///
    /// - Throws: ``RecipeError`` with the line and the place in the recipe of the first thing that is wrong.
    public init(contentsOf url: URL) throws(RecipeError) {
        let file = url.relativePath
        let data: Data
        do { data = try FilesError.catching("read", file) { try Data(contentsOf: url) } } catch {
            throw RecipeError(file, .unreadable(error))
        }
        let value = try RecipeJSONReader.read(Array(data), file: file)
        try self.init(RecipeNode(value: value, path: "", file: file), folder: url.deletingLastPathComponent())
    }

    private init(_ node: RecipeNode, folder: URL) throws(RecipeError) {
        var object = try node.object()
        let paths = RecipePaths(folder: folder)
        model = paths.model(try object.required("model").text("a folder or a Hub id"))
        output = paths.url(try object.required("output").text("a path"))
        precision = try object.optional("precision").flatMap { (node) throws(RecipeError) in
            try node.choice("precision", [("auto", nil)] + Precision.allCases.map { ($0.rawValue, $0) })
        }
        var options = TrainingOptions()
        if let node = object.optional("seed") { options.seed = UInt64(try node.integer(0...Int.max)) }
        if let node = object.optional("max_tokens") { options.maximumTokens = try node.integer(3...100_000) }
        if let node = object.optional("options") {
            var settings = try node.object()
            try options.read(&settings)
            try settings.end()
        }
        if let node = object.optional("adapters") {
            for (name, node) in try node.object().all {
                try RecipeNames.check(name, node, "adapter")
                adapters.append(Adapter(name, try Adapter.Start(node, paths)))
            }
        }
        tasks = []
        let tasksNode = try object.required("tasks")
        let taskNodes = try tasksNode.object().all
        if taskNodes.isEmpty { throw tasksNode.invalid("a task at least") }
        for (name, node) in taskNodes {
            try RecipeNames.check(name, node, "task")
            tasks.append(try Task(name, node, paths, &adapters))
        }
        if let node = object.optional("mixing") { mixing = try TaskMixing(node) }
        if let node = object.optional("baseline") { comparesWithHeads = try node.flag() }
        stages = []
        let hasAdapters = !adapters.isEmpty
        if let node = object.optional("stages") {
            let nodes = try node.list(of: "stages")
            if nodes.isEmpty { throw node.invalid("a stage at least") }
            for node in nodes { stages.append(try TrainingStage(node, options, hasAdapters: hasAdapters)) }
        }
        if let node = object.optional("unfreeze") {
            unfreezing = try GradualUnfreezing(node, options, hasAdapters: hasAdapters)
        }
        if stages.isEmpty, unfreezing == nil {
            stages = [TrainingStage("training", trains: .init(adapters: hasAdapters), options)]
        }
        try object.end()
        self.file = node.file
        try check(node)
    }
}
