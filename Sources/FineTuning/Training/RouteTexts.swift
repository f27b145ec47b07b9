import Tokenizers

/// The texts that go through one route: those of all its tasks, and a text that several of them share once.
struct RouteTexts: Sendable {
    /// The texts.
    let texts: [TokenizedText]
    /// Tokens of each.
    let lengths: [Int]
    /// For each task of the run, where each of its texts is; empty for tasks of other routes, or without such texts.
    let places: [[Int]]

    /// The texts of the tasks at `members`, where `texts` gives those of a task, nil for none.
    init(of tasks: [TrainingTask], members: [Int], _ data: (TrainingTask) -> TrainingTexts?) {
        var texts: [TokenizedText] = []
        var places = [[Int]](repeating: [], count: tasks.count)
        var known: [Key: Int] = [:]
        for task in members {
            guard let own = data(tasks[task])?.texts else { continue }
            // Texts alike within a task stay apart: each is an example, with dropout of its own.
            let shared = known
            for text in own {
                let key = Key(ids: text.ids, segments: text.segments)
                if let place = shared[key] {
                    places[task].append(place)
                    continue
                }
                places[task].append(texts.count)
                if members.count > 1, known[key] == nil { known[key] = texts.count }
                texts.append(text)
            }
        }
        (self.texts, self.places) = (texts, places)
        lengths = texts.map(\.ids.count)
    }

    private struct Key: Hashable { let ids: [Int32], segments: [Int32] }
}
