import Encoders
import Matrices

/// Which head a task has that is made of several.
public enum CombinedHead: Sendable, Equatable {
    /// The one that there is, or that all have alike; where they differ, somebody has to choose.
    case only
    /// That of the task with this name.
    case from(String)
    /// The mean of all heads, each counted with its task's weight.
    case average
    /// None: an adapter for embeddings.
    case none

    /// The head.
    ///
    /// - Throws: ``CombinedHeadError`` where heads differ and none is chosen, or cannot be averaged.
    func head(
        of parts: [(name: String, head: HeadFiles?, weight: Double)], on encoder: TransformerEncoder
    ) throws(CombinedHeadError) -> HeadFiles? {
        let heads = parts.compactMap { part in part.head.map { (name: part.name, head: $0, weight: part.weight) } }
        switch self {
        case .none: return nil
        case .only:
            guard let first = heads.first else { return nil }
            guard heads.allSatisfy({ $0.head == first.head }) else { throw .choose(heads.map(\.name)) }
            return first.head
        case .from(let name):
            guard let head = heads.first(where: { $0.name == name })?.head else {
                throw .noSuchHead(name, heads: heads.map(\.name))
            }
            return head
        case .average:
            if let without = parts.first(where: { $0.head == nil }) { throw .lacking(without.name) }
            return try CombinedHead.average(heads, on: encoder)
        }
    }

    private static func average(
        _ parts: [(name: String, head: HeadFiles, weight: Double)], on encoder: TransformerEncoder
    ) throws(CombinedHeadError) -> HeadFiles {
        let first = parts[0]
        for part in parts.dropFirst() {
            let (a, b) = (first.head, part.head)
            let isAlike =
                a.objective == b.objective && a.labels == b.labels && a.pooling == b.pooling && a.shape == b.shape
                && a.threshold == b.threshold
            guard isAlike else { throw .unlike(first.name, part.name) }
        }
        if let part = parts.first(where: { $0.weight < 0 }) { throw .negativeWeight(part.name, part.weight) }
        let all = parts.reduce(0) { $0 + $1.weight }
        guard all > 0 else { throw .negativeWeight(first.name, first.weight) }
        let (head, start) = first.head.head
        var values = ParameterVector(start.layout)
        for part in parts {
            let own = part.head.head.values
            for parameter in head.parameters {
                var sum = values[parameter]
                sum.add(own[parameter], scale: Float(part.weight / all))
                values[parameter] = sum
            }
        }
        return HeadFiles(
            head, values, maximumTokens: parts.map(\.head.maximumTokens).max() ?? first.head.maximumTokens, on: encoder)
    }
}

/// Why there is no head for a combination.
public enum CombinedHeadError: Error, Sendable, Equatable {
    /// The tasks have heads that differ.
    case choose([String])
    /// The task has no head, or there is no such task.
    case noSuchHead(String, heads: [String])
    /// A task without a head, where all are averaged.
    case lacking(String)
    /// Heads of two tasks that say other labels, or have other layers.
    case unlike(String, String)
    /// A head cannot count less than nothing.
    case negativeWeight(String, Double)
}

extension CombinedHeadError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .choose(let names):
            "\(names.joined(separator: ", ")) have different heads; choose one by its name, the average, or none"
        case .noSuchHead(let name, let heads):
            "'\(name)' has no head to take; heads are in \(heads.isEmpty ? "none of the adapters" : heads.joined(separator: ", "))"
        case .lacking(let name): "\(name) has no head, so there is nothing to average; choose a head, or none"
        case .unlike(let first, let second):
            "the heads of \(first) and \(second) differ in labels, pooling or layers and have no average; choose one, or none"
        case .negativeWeight(let name, let weight):
            "the head of \(name) has weight \(weight), and an average takes weights above 0; choose a head, or none"
        }
    }
}
