/// The command lines of all commands, in the order of help.
package enum CommandSpecifications {
    package static let all = [
        PullOptions.command, TrainOptions.command, EvaluateOptions.command, PredictOptions.command,
        EmbedOptions.command, MergeOptions.command, CombineOptions.command, ExtractOptions.command,
        ConvertOptions.command, InspectOptions.command, BenchmarkOptions.command, DemoOptions.command,
    ]
}
