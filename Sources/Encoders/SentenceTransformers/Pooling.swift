import Files
import Foundation

/// How the hidden states of a text become one vector: what sentence-transformers keeps in `1_Pooling/config.json`.
public struct Pooling: Sendable, Hashable {
    /// The ways of pooling, whose vectors stand side by side in this order.
    public let modes: [Mode]
    /// Whether the tokens of a prompt count too (`include_prompt`).
    public let includesPrompt: Bool

    /// The ways of pooling, by the names that sentence-transformers has for them.
    public enum Mode: String, Sendable, CaseIterable {
        /// The first token.
        case cls
        /// The largest of each feature over all tokens.
        case max
        /// The mean over all tokens, special tokens included.
        case mean
        /// The sum over all tokens, divided by the square root of their number.
        case rootMean = "mean_sqrt_len_tokens"
        /// The mean with the weights 1, 2, 3, … by the place in the text.
        case weightedMean = "weightedmean"
        /// The last token.
        case lastToken = "lasttoken"
    }

    /// The given ways, at least one.
    public init(_ modes: [Mode], includesPrompt: Bool = true) {
        precondition(!modes.isEmpty, "a text is pooled somehow")
        (self.modes, self.includesPrompt) = (modes, includesPrompt)
    }

    /// The mean over all tokens: what sentence-transformers does where nothing is said.
    public static let mean = Pooling([.mean])
    /// The first token.
    public static let cls = Pooling([.cls])

    /// The names of the modes: "mean", or "cls+max".
    public var name: String { modes.map(\.rawValue).joined(separator: "+") }

    /// The width of a text's vector.
    public func width(hiddenSize: Int) -> Int { modes.count * hiddenSize }
}

extension Pooling {
    /// The flags that sentence-transformers had before `pooling_mode`, in the order in which it concatenates.
    private static let flags: [(name: String, mode: Mode)] = [
        ("pooling_mode_cls_token", .cls), ("pooling_mode_max_tokens", .max), ("pooling_mode_mean_tokens", .mean),
        ("pooling_mode_mean_sqrt_len_tokens", .rootMean), ("pooling_mode_weightedmean_tokens", .weightedMean),
        ("pooling_mode_lasttoken", .lastToken),
    ]

    /// Reads the configuration of a `Pooling` module.
    init(_ fields: JSONFields) throws(JSONFieldsError) {
        try fields.checkNames(
            ["word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt"]
                + Pooling.flags.map(\.name))
        var modes: [Mode] = []
        if fields.value("pooling_mode") != nil {
            modes = try Pooling.modes("pooling_mode", fields)
        } else {
            for (name, mode) in Pooling.flags where try fields.flag(name, default: false) { modes.append(mode) }
            if modes.isEmpty { modes = [.mean] }
        }
        self.init(modes, includesPrompt: try fields.flag("include_prompt", default: true))
    }

    /// A field that names one mode, or a list of them.
    package static func modes(_ field: String, _ fields: JSONFields) throws(JSONFieldsError) -> [Mode] {
        _ = try fields.required(field, fields.value(field))
        let names = try fields.names(field)
        let modes = names.compactMap(Mode.init(rawValue:))
        let expected = "one or several of " + Mode.allCases.map(\.rawValue).joined(separator: ", ")
        try fields.check(field, names, expected, !modes.isEmpty && modes.count == names.count)
        return modes
    }
}
