import Foundation
import Graft

/// The options that several commands have.
enum SharedOptions {
    static let model = Option.required(
        "model", .text("MODEL"),
        "the encoder: a folder, or a Hub id that is in the local cache (see 'graft pull')")
    static let adapter = Option.required("adapter", .path("DIR"), "the adapter folder")
    static let allowOtherBase = Option.flag(
        "allow-other-base", "use the adapter on another base model than the one it was trained on")
    static let input = Option.optional(
        "input", .path("FILE"),
        "read the texts from a file (.jsonl, .csv, .tsv, .conll or .txt), or with - from standard input, one a line")

    /// What a data file calls its fields.
    enum Fields {
        static let text = Option.defaulted(
            "text-field", .text("NAME"), default: Dataset.Fields().text, "the field or column with the text")
        static let pair = Option.defaulted(
            "pair-field", .text("NAME"), default: Dataset.Fields().pair,
            "the field or column with the second text of a pair, where there is one")
        static let label = Option.optional(
            "label-field", .text("NAME"), "the field or column with the label; 'label' or 'labels' if left out")
    }

    /// The machine's part.
    enum Machine {
        static let precision = Option.defaulted(
            "precision", .precision, default: nil, "how the frozen weights are kept in memory")
        static let threads = Option.optional(
            "threads", .integer("N", in: 1...1024), "threads to use; all cores if left out")
        static let group = CommandSpecification.Group("Machine", [precision.specification, threads.specification])
    }

    /// What is printed.
    enum Output {
        static let json = Option.flag("json", "print the result as JSON")
        static let quiet = Option.flag("quiet", "show no progress")
    }
}

extension ValueKind where Value == Precision? {
    /// `auto`, which is nil, or a precision by name.
    static var precision: ValueKind {
        choice([(name: "auto", value: nil)] + Precision.allCases.map { (name: $0.rawValue, value: $0) })
    }
}

extension Dataset.Fields {
    /// The names that a command line gives; of a command without labels, `label` is not among its options.
    init(_ values: OptionValues, readingLabels: Bool) {
        typealias Options = SharedOptions.Fields
        self.init(
            text: values[Options.text], pair: values[Options.pair],
            label: readingLabels ? values[Options.label] : nil)
    }
}
