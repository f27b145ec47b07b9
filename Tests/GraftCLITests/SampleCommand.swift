import Foundation
import GraftCLI

/// A command with an option of every kind.
enum SampleCommand {
    enum Shape: String, CaseIterable, Sendable { case round, square }

    static let file = Option.required("file", .path("FILE"), "the file to look at")
    static let rank = Option.defaulted("rank", .integer("N", in: 1...64), default: 8, "the rank")
    static let offset = Option.defaulted("offset", .integer("N", in: -10...10), default: 0, "added to each number")
    static let rate = Option.defaulted("rate", .positiveNumber("X"), default: 0.001, "the rate")
    static let share = Option.optional("share", ValueKind<Double>.number("X", in: 0...1), "the share")
    static let shape = Option.defaulted("shape", .choice(of: Shape.self), default: .round, "what it looks like")
    static let names = Option.optional("names", .list("NAMES", of: .text("NAME")), "the names")
    static let layers = Option.optional("layers", ValueKind<[Int]>.layers, "the layers")
    static let adapters = Option.repeated(
        "adapter", .path("DIR"),
        "an adapter folder, of which there may be as many as there is memory for, and all of them are asked in their order"
    )
    static let verbose = Option.flag("verbose-to-the-point-of-being-a-nuisance", "say everything that can be said")

    static let specification = CommandSpecification(
        name: "look", summary: "looks at things", discussion: ["It does nothing else."],
        argument: .init(valueName: "TEXT", help: "a text", count: .any),
        groups: [
            .init("Data", [file.specification, adapters.specification, names.specification]),
            .init(
                "Work",
                [
                    rank.specification, offset.specification, rate.specification, share.specification,
                    shape.specification, layers.specification, verbose.specification,
                ]),
        ],
        check: { values throws(CommandLineError) in
            if values[rank] == 13 { throw .conflict("--rank 13 brings bad luck; take another") }
        })

    /// The words that have to be there, and others.
    static func words(_ more: String...) -> [String] { ["--file", "f", "--adapter", "a"] + more }

    static func read(_ more: String...) throws -> OptionValues {
        try OptionReader(specification).read(["--file", "f", "--adapter", "a"] + more)
    }

    /// What is wrong with a line, nil if nothing is.
    static func refusal(_ words: [String]) -> String? {
        do {
            _ = try OptionReader(specification).read(words)
            return nil
        } catch { return error.description }
    }
}
