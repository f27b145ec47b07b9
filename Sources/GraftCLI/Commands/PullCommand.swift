import Graft

/// `graft pull`: fetches a model into the local cache and prints its folder.
enum PullCommand {
    static let command = Command(PullOptions.command) { values in
        let progress = ProgressLine(isQuiet: values[SharedOptions.Output.quiet])
        let hub = try HuggingFaceHub()
        let pulled = try ModelPull(from: hub).run(values.arguments[0]) { show($0, progress) }
        progress.clear()
        print(pulled.folder.path(percentEncoded: false))
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
