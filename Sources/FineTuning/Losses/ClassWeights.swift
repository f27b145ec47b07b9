import Files

/// How much the texts (or words) of each label count in the loss; of several labels at once, how much having a label counts
/// over not having it.
public enum ClassWeights: Sendable, Equatable {
    /// By how rare a label is: n / (k · count) as scikit-learn's "balanced", with n texts, k labels that occur, and count those
    /// of the label; of several labels at once negatives / positives. A label that does not occur has the weight 1.
    case balanced
    /// By the names of labels; a label that is not named has the weight 1.
    case given([String: Float])

    /// The weight of each label, of which so many texts or words have each.
    ///
    /// - Parameter examples: nil where each text or word has one label; else the number of texts.
    /// - Throws: ``LossError`` for a name that is no label.
    func values(
        _ labels: [String], counts: [String: Int], examples: Int?
    ) throws(LossError) -> [Float] {
        switch self {
        case .given(let weights):
            for name in weights.keys.sorted() where !labels.contains(name) {
                throw .unknownLabel(name, known: labels, nearest: NearestName.to(name, among: labels))
            }
            return labels.map { weights[$0] ?? 1 }
        case .balanced:
            let counts = labels.map { counts[$0] ?? 0 }
            let (total, present) = (counts.reduce(0, +), counts.count { $0 > 0 })
            return counts.map { count in
                guard count > 0 else { return 1 }
                if let examples { return Float(Double(examples - count) / Double(count)) }
                return Float(Double(total) / Double(present * count))
            }
        }
    }

    /// ", class weights 1.5 0.75" for descriptions; nothing where there are none.
    static func words(_ weights: [Float]?) -> String {
        weights.map { ", class weights " + $0.map { "\($0)" }.joined(separator: " ") } ?? ""
    }
}
