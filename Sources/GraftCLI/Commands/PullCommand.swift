import Graft

/// `graft pull`: fetches a model into the local cache and prints its folder.
enum PullCommand {
    static let command = Command(PullOptions.command) { values in
        let progress = ProgressLine(isQuiet: values[SharedOptions.Output.quiet])
        let model = try reference(values.arguments[0], revision: values[PullOptions.revision])
        // Who pulls wants what the Hub has now, not what it had when somebody last asked.
        let pulled = try ModelPull(from: HuggingFaceHub()).run(model, refresh: true) { show($0, progress) }
        progress.clear()
        print(pulled.folder.path(percentEncoded: false))
    }

    /// The model that the line names, with its revision in one place or the other.
    static func reference(_ text: String, revision: String?) throws -> ModelReference {
        let model = try ModelReference(text)
        guard let revision else { return model }
        guard !text.contains("@") || revision == model.revision else {
            throw CommandLineError.conflict(
                "'\(text)' names one revision and --revision \(revision) another; leave one of them out")
        }
        return try ModelReference(model.name, revision: revision)
    }

    /// Shows what a pull is doing: bytes as they come, everything else as a line that stays.
    static func show(_ event: PullEvent, _ progress: ProgressLine) {
        switch event {
        case .progress(let file, let received, let total):
            progress.update("\(file)  \(HumanUnits.bytes(received)) of \(HumanUnits.bytes(total))")
        case .fetched(let file, let bytes): progress.milestone("\(file)  \(HumanUnits.bytes(bytes)), verified")
        default: progress.milestone(event.description)
        }
    }
}
