import Foundation

/// `graft demo`
enum DemoOptions {
    static let output = Option.defaulted(
        "output", .path("DIR"), default: URL(filePath: "graft-demo"), "where the adapters and the merged model go")

    static let command = CommandSpecification(
        name: "demo", summary: "the main job end to end: trains, compares, swaps and merges two adapters",
        discussion: ["Fetches a small encoder and two data sets once; takes about two minutes on two cores."],
        groups: [
            .init("Data", [output.specification]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.quiet.specification]),
        ])
}
