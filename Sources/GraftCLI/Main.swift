import Foundation
import Graft

@main
enum Main {
    /// The program with all its commands.
    private static let dispatch = Dispatch(
        program: "graft",
        version:
            "\(GraftVersion.number) (kernels \(Kernels.chosen ?? "none") of \(Kernels.available.joined(separator: " ")))",
        summary: "fine-tunes transformer encoders with small adapters, on the CPU",
        commands: [
            PullCommand.command, TrainCommand.command, EvaluateCommand.command, PredictCommand.command,
            EmbedCommand.command, MergeCommand.command, CombineCommand.command, ExtractCommand.command,
            ConvertCommand.command, InspectCommand.command, BenchmarkCommand.command, DemoCommand.command,
        ])

    static func main() {
        // Where files may only grow so large, writing is to fail and be reported, not to end the program.
        signal(SIGXFSZ, SIG_IGN)
        let words = Array(CommandLine.arguments.dropFirst())
        exit(dispatch.run(words, output: { print($0) }, errors: StandardError.print))
    }
}
