extension TrainingRecipe {
    /// What no single field can check.
    func check(_ node: RecipeNode) throws(RecipeError) {
        func fail(_ path: String, _ words: String) throws(RecipeError) {
            throw RecipeError(node.file, at: path, .conflict(words))
        }
        for adapter in adapters where !tasks.contains(where: { $0.adapter == adapter.name }) {
            try fail(
                RecipeNode.path("adapters", adapter.name),
                "no task goes through this adapter; name it in a task's 'adapter', or leave it out")
        }
        guard tasks.contains(where: { $0.training != nil }) else {
            try fail(
                "tasks", "no task has 'train', so there is nothing to train; 'graft evaluate' scores what is there")
            return
        }
        let all = stages + (unfreezing.map { [TrainingStage("unfreeze", trains: $0.beside, $0.options)] } ?? [])
        for (index, stage) in all.enumerated() {
            let path = index < stages.count ? "stages[\(index)]" : "unfreeze"
            let isScored = tasks.contains { $0.training != nil && $0.evaluation != nil }
            if stage.options.patience != nil, !isScored {
                try fail("\(path).patience", "without an 'eval' of a task that trains no epoch is better than another")
            }
        }
        for (index, stage) in stages.enumerated() where stages[..<index].contains(where: { $0.name == stage.name }) {
            try fail("stages[\(index)].name", "two stages are called '\(stage.name)'; give each a name of its own")
        }
        let trainsHeads = all.contains { $0.trains.heads }
        for task in tasks where task.training != nil && !trainsHeads {
            if case .new = task.head {
                try fail(
                    RecipeNode.path("tasks", task.name) + ".head",
                    "no stage trains \"heads\", so this new head would stay untrained")
            }
        }
    }
}
