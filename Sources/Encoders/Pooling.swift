import Files
import Foundation
import Matrices

/// How the hidden states of a text become one vector: what sentence-transformers keeps in `modules.json` and
/// `1_Pooling/config.json`.
public struct Pooling: Sendable, Equatable {
    /// Which hidden states count.
    public let mode: Mode
    /// Whether sentence embeddings are scaled to length 1 (a `Normalize` module). Heads see vectors before that.
    public let normalizes: Bool

    /// The ways of pooling.
    public enum Mode: String, Sendable, CaseIterable {
        /// The mean over all tokens, special tokens included (`pooling_mode_mean_tokens`).
        case mean
        /// The first token (`pooling_mode_cls_token`).
        case cls
        /// The largest of each feature over all tokens (`pooling_mode_max_tokens`).
        case max
    }

    /// The given way.
    public init(mode: Mode, normalizes: Bool) { (self.mode, self.normalizes) = (mode, normalizes) }

    /// Reads the folder of a model. A folder without `modules.json` is no sentence-transformers model: it is pooled by mean,
    /// not normalized, as sentence-transformers itself treats such a folder.
    ///
    /// - Throws: ``EncoderError`` for a module or a pooling mode that Graft does not have.
    public init(contentsOf folder: URL) throws(EncoderError) {
        let url = folder.appending(path: "modules.json")
        guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else {
            self.init(mode: .mean, normalizes: false)
            return
        }
        let file = url.path(percentEncoded: false)
        guard let data = try? Data(contentsOf: url),
            let modules = try? JSONSerialization.jsonObject(with: data) as? [[String: Any]]
        else { throw .configuration(.notJSON(file: file)) }
        var (mode, normalizes) = (Mode?.none, false)
        for module in modules {
            let type = module["type"] as? String ?? ""
            switch type.split(separator: ".").last {
            case "Transformer": break
            case "Pooling":
                let path = module["path"] as? String ?? "1_Pooling"
                let config = folder.appending(path: path).appending(path: "config.json")
                do { mode = try Pooling.readMode(config) } catch { throw .configuration(error) }
            case "Normalize": normalizes = true
            default:
                throw .configuration(
                    .invalidField(
                        file: file, field: "type", found: type, expected: "Transformer, Pooling or Normalize"))
            }
        }
        self.init(mode: mode ?? .mean, normalizes: normalizes)
    }

    private static func readMode(_ url: URL) throws(JSONFieldsError) -> Mode {
        let fields = try JSONFields(contentsOf: url)
        let names = [
            "pooling_mode_cls_token": Mode.cls, "pooling_mode_mean_tokens": .mean, "pooling_mode_max_tokens": .max,
        ]
        let others = [
            "pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken",
        ]
        // sentence-transformers 5 may write one name instead of a flag for each mode.
        if fields.value("pooling_mode") != nil {
            return try fields.choice("pooling_mode", of: Mode.allCases.map { ($0.rawValue, $0) })
        }
        var chosen: [Mode] = []
        for (name, mode) in names where try fields.flag(name, default: false) { chosen.append(mode) }
        for name in others where try fields.flag(name, default: false) {
            throw .invalidField(file: fields.file, field: name, found: "true", expected: "mean, cls or max pooling")
        }
        guard chosen.count == 1 else {
            throw .invalidField(
                file: fields.file, field: "pooling_mode_*", found: "\(chosen.count) modes", expected: "exactly one")
        }
        return chosen[0]
    }
}

extension Pooling.Mode {
    /// One vector a text, [texts, hidden], from hidden states [tokens, hidden], and the way back.
    package func forward(
        _ hidden: Matrix, _ batch: PackedBatch
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix) {
        var pooled = Matrix(rows: batch.sequences.count, columns: hidden.columns)
        /// For max pooling: the token that each feature came from.
        var winners: [Int] = []
        for (text, tokens) in batch.sequences.enumerated() {
            switch self {
            case .mean:
                withViews(hidden) { views in
                    pooled.withMutableView { $0.rows(text..<text + 1).setMean(of: views[0].rows(tokens)) }
                }
            case .cls:
                for column in 0..<hidden.columns { pooled[text, column] = hidden[tokens.lowerBound, column] }
            case .max:
                for column in 0..<hidden.columns {
                    var winner = tokens.lowerBound
                    for token in tokens where hidden[token, column] > hidden[winner, column] { winner = token }
                    pooled[text, column] = hidden[winner, column]
                    winners.append(winner)
                }
            }
        }
        return (
            pooled,
            { [winners] dPooled in
                var dHidden = Matrix(rows: batch.tokens.count, columns: dPooled.columns)
                for (text, tokens) in batch.sequences.enumerated() {
                    switch self {
                    case .mean:
                        let share = 1 / Float(tokens.count)
                        dHidden.withMutableBuffer { dHidden in
                            for token in tokens {
                                for column in 0..<dPooled.columns {
                                    dHidden[token * dPooled.columns + column] = share * dPooled[text, column]
                                }
                            }
                        }
                    case .cls:
                        for column in 0..<dPooled.columns {
                            dHidden[tokens.lowerBound, column] = dPooled[text, column]
                        }
                    case .max:
                        for column in 0..<dPooled.columns {
                            dHidden[winners[text * dPooled.columns + column], column] = dPooled[text, column]
                        }
                    }
                }
                return dHidden
            }
        )
    }
}

extension Pooling {
    /// Sentence embeddings [texts, hidden] of hidden states [tokens, hidden].
    package func embeddings(_ hidden: Matrix, _ batch: PackedBatch) -> Matrix {
        var (pooled, _) = mode.forward(hidden, batch)
        if normalizes { pooled.normalizeRows() }
        return pooled
    }
}
