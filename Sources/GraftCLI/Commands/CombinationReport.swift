import Foundation
import Graft

/// What `graft combine` says: as lines, as JSON, and as the new folder's README.md.
struct CombinationReport {
    let method: CombiningMethod
    let parts: [(task: String, weight: Double)]
    let outcome: TaskCombination.Outcome
    let output: String

    private var maps: [(site: Site, map: CombinedMap)] {
        (outcome.combination?.maps ?? [:]).map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }

    /// For people.
    var lines: [String] {
        var lines = ["\(method.rawValue) of " + parts.map { "\($0.weight) × \($0.task)" }.joined(separator: " + ")]
        if let combination = outcome.combination, !maps.isEmpty {
            let ranks = Set(maps.map(\.map.rank)).sorted()
            lines.append(
                "  linear maps                                   \(maps.count), of rank"
                    + " \(ranks.map(String.init).joined(separator: ", "))")
            lines.append("  error of the change, of what is meant         \(percent(combination.relativeError))")
            if let worst = maps.max(by: { $0.map.relativeError < $1.map.relativeError }), method != .cat {
                lines.append(
                    "  the largest of a map                          \(percent(worst.map.relativeError)), \(worst.site)"
                )
            }
            if method == .linear {
                lines.append("  linear is an approximation: --method cat is exact, svd the best of a rank")
            }
        }
        lines += difference
        lines.append("wrote \(output)")
        return lines
    }

    private var difference: [String] {
        guard let difference = outcome.difference else { return ["  one adapter, as it is"] }
        return [
            "certificate: compared with the very change in the weights on \(difference.texts) sample texts",
            "  largest difference of an embedding's numbers  \(difference.embeddings)",
            "  largest difference of a probability           \(difference.probabilities.map { "\($0)" } ?? "no head")",
        ]
    }

    /// What `--json` prints.
    var json: JSONText {
        .object([
            ("output", .string(output)), ("method", .string(method.rawValue)),
            (
                "adapters",
                .array(parts.map { .object([("adapter", .string($0.task)), ("weight", .double($0.weight))]) })
            ),
            ("relative_error", outcome.combination.map { .double($0.relativeError) } ?? .null),
            (
                "maps",
                .array(
                    maps.map { site, map in
                        .object([
                            ("map", .string(site.description)), ("rank", .integer(map.rank)),
                            ("norm", .double(map.norm)), ("relative_error", .double(map.relativeError)),
                        ])
                    })
            ),
            ("texts", outcome.difference.map { .integer($0.texts) } ?? .null),
            ("embedding_difference", outcome.difference.map { .float($0.embeddings) } ?? .null),
            ("probability_difference", outcome.difference?.probabilities.map { .float($0) } ?? .null),
        ])
    }

    /// README.md of the new folder.
    func card(name: String, baseModel: String) -> String {
        var lines = [
            "---", "library_name: peft", "base_model: \(baseModel)", "tags:", "- graft", "---", "", "# \(name)", "",
            "Several adapters on the frozen encoder `\(baseModel)`, combined by `graft combine --method \(method.rawValue)`.",
            "", "| adapter | weight |", "| --- | ---: |",
        ]
        lines += parts.map { "| `\(URL(filePath: $0.task).lastPathComponent)` | \($0.weight) |" }
        if let combination = outcome.combination, !maps.isEmpty {
            lines += [
                "", "Error of the change of weights, of what the method means: \(percent(combination.relativeError)).",
            ]
        }
        if let difference = outcome.difference {
            lines += [
                "",
                "Largest difference of an embedding's numbers to the very change in the weights, on \(difference.texts) texts:"
                    + " \(difference.embeddings).",
            ]
        }
        return (lines + [""]).joined(separator: "\n")
    }

    private func percent(_ share: Double) -> String { String(format: "%.3g %%", 100 * share) }
}
