import Foundation
import Graft

/// What `graft extract` says: as lines, as JSON, and as the new folder's README.md.
struct ExtractionReport {
    let outcome: TaskExtraction.Outcome
    let tuned: String
    let output: String

    private var maps: [(site: Site, map: CombinedMap)] {
        outcome.extracted.maps.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }

    /// For people.
    var lines: [String] {
        var lines = ["map                              rank   energy kept"]
        for (site, map) in maps {
            let name = "\(site)".padding(toLength: 30, withPad: " ", startingAt: 0)
            lines.append(name + String(format: "%7d %13.5f", map.rank, 1 - map.lostEnergy))
        }
        lines.append("of all linear maps together " + String(format: "%22.5f", outcome.extracted.keptEnergy))
        for other in outcome.extracted.others {
            let change = String(format: "%.3g %%", 100 * other.relativeChange)
            lines.append("\(other.isKept ? "kept whole:" : "left out:  ") \(other.name), changed by \(change)")
        }
        let difference = outcome.difference
        lines += [
            "certificate: base and adapter compared with the tuned model on \(difference.texts) sample texts",
            "  largest difference of an embedding's numbers  \(difference.embeddings)",
            "  largest difference of a probability           \(difference.probabilities.map { "\($0)" } ?? "no head")",
            "wrote \(output)",
        ]
        return lines
    }

    /// What `--json` prints.
    var json: JSONText {
        .object([
            ("output", .string(output)), ("energy_kept", .double(outcome.extracted.keptEnergy)),
            (
                "maps",
                .array(
                    maps.map { site, map in
                        .object([
                            ("map", .string(site.description)), ("rank", .integer(map.rank)),
                            ("norm", .double(map.norm)), ("energy_kept", .double(1 - map.lostEnergy)),
                        ])
                    })
            ),
            (
                "others",
                .array(
                    outcome.extracted.others.map { other in
                        .object([
                            ("tensor", .string(other.name)), ("relative_change", .double(other.relativeChange)),
                            ("kept", .flag(other.isKept)),
                        ])
                    })
            ),
            ("texts", .integer(outcome.difference.texts)),
            ("embedding_difference", .float(outcome.difference.embeddings)),
            ("probability_difference", outcome.difference.probabilities.map { .float($0) } ?? .null),
        ])
    }

    /// README.md of the new folder.
    func card(name: String, baseModel: String) -> String {
        let energy = String(format: "%.4f", outcome.extracted.keptEnergy)
        return [
            "---", "library_name: peft", "base_model: \(baseModel)", "tags:", "- graft", "- lora", "---", "",
            "# \(name)", "",
            "The difference between `\(URL(filePath: tuned).lastPathComponent)` and the encoder `\(baseModel)` as LoRA, by"
                + " `graft extract`. It has \(energy) of the energy of the linear maps' differences; on"
                + " \(outcome.difference.texts) texts the numbers of embeddings differ by at most"
                + " \(outcome.difference.embeddings) from the tuned model's.", "",
        ].joined(separator: "\n")
    }
}
