import Files
import Foundation
import Matrices

/// What a sentence-transformers folder says about embeddings: how texts are read, the prompts before them, how hidden states
/// become one vector, and what becomes of that.
///
/// Embeddings go through all modules. Heads see what the pooling gives, before any other module.
public struct SentenceModules: Sendable {
    /// How hidden states become one vector a text.
    public let pooling: Pooling
    /// The modules after the pooling, in their order.
    package let layers: [SentenceLayer]
    /// Texts that stand before the texts to embed.
    public let prompts: SentencePrompts
    /// Tokens that a text is cut to; nil where the folder leaves that to the tokenizer's files.
    public let maximumTokens: Int?
    /// Whether texts are lowercased before anything else.
    public let lowercases: Bool
    /// The width of an embedding.
    public let width: Int
    /// The modules in words, the encoder first: "Dense 768 → 512, tanh".
    public let descriptions: [String]

    /// Reads the folder of a model whose hidden states are `hiddenSize` wide. A folder without `modules.json` is no
    /// sentence-transformers model: it is pooled by mean, and nothing else, as sentence-transformers itself treats it.
    ///
    /// - Throws: ``EncoderError`` for a module, or a setting of one, that Graft does not have.
    public init(contentsOf folder: URL, hiddenSize: Int) throws(EncoderError) {
        let entries: [SentenceModuleEntry]?
        do {
            prompts = try SentencePrompts(contentsOf: folder)
            entries = try SentenceModuleEntry.all(in: folder)
            let reading = entries == nil ? nil : try SentenceReading(contentsOf: folder)
            (maximumTokens, lowercases) = (reading?.maximumTokens, reading?.lowercases ?? false)
        } catch { throw .configuration(error) }
        guard let entries else {
            (pooling, layers, width) = (.mean, [], hiddenSize)
            descriptions = ["Transformer", "Pooling mean"]
            return
        }
        do {
            let fields = try JSONFields(contentsOf: entries[1].folder.appending(path: "config.json"))
            pooling = try Pooling(fields)
        } catch { throw .configuration(error) }
        var width = pooling.width(hiddenSize: hiddenSize)
        var layers: [SentenceLayer] = []
        var descriptions = [
            "Transformer", "Pooling " + pooling.name + (pooling.includesPrompt ? "" : ", prompt left out"),
        ]
        for entry in entries[2...] {
            switch entry.kind {
            case .dense:
                let dense = try SentenceDense(contentsOf: entry.folder, inputs: width)
                layers.append(.dense(dense))
                descriptions.append("Dense \(width) → \(dense.outputs), \(dense.function.rawValue)")
                width = dense.outputs
            case .layerNorm:
                layers.append(.layerNorm(try SentenceLayerNorm(contentsOf: entry.folder, width: width)))
                descriptions.append("LayerNorm")
            case .normalize:
                layers.append(.normalize)
                descriptions.append("Normalize")
            case .dropout: descriptions.append("Dropout")
            case .transformer, .pooling: preconditionFailure("these stand first, which was checked")
            }
        }
        (self.layers, self.width, self.descriptions) = (layers, width, descriptions)
    }

    /// Whether embeddings have length 1.
    public var normalizes: Bool {
        if case .normalize? = layers.last { true } else { false }
    }

    /// Embeddings [texts, width] of hidden states [tokens, hidden], and the way back to these.
    ///
    /// - Parameter promptTokens: tokens of a prompt that each text begins with, its first special token among them.
    package func forward(
        _ hidden: Matrix, _ batch: PackedBatch, promptTokens: Int = 0
    ) -> (embeddings: Matrix, pullback: @Sendable (_ dEmbeddings: Matrix) -> Matrix) {
        var (vectors, poolingPullback) = pooling.forward(hidden, batch, promptTokens: promptTokens)
        var pullbacks = [poolingPullback]
        for layer in layers {
            (vectors, poolingPullback) = layer.forward(vectors)
            pullbacks.append(poolingPullback)
        }
        return (vectors, { [pullbacks] in pullbacks.reversed().reduce($0) { dy, pullback in pullback(dy) } })
    }

    /// Whether a model folder says that texts are lowercased before anything else: for its tokenizer, which is read first.
    package static func lowercases(in folder: URL) throws(EncoderError) -> Bool {
        do {
            guard try SentenceModuleEntry.all(in: folder) != nil else { return false }
            return try SentenceReading(contentsOf: folder).lowercases
        } catch { throw .configuration(error) }
    }

    /// The files of a model folder that are the modules': with them a copy of the folder embeds alike.
    package static func files(in folder: URL) throws(EncoderError) -> [String] {
        let entries: [SentenceModuleEntry]
        do { entries = try SentenceModuleEntry.all(in: folder) ?? [] } catch { throw .configuration(error) }
        func isFile(_ path: String) -> Bool {
            var isFolder: ObjCBool = false
            let url = folder.appending(path: path)
            return FileManager.default.fileExists(atPath: url.path(percentEncoded: false), isDirectory: &isFolder)
                && !isFolder.boolValue
        }
        var files = ["modules.json", SentencePrompts.fileName] + SentenceReading.fileNames
        for entry in entries where !entry.path.isEmpty {
            // A module without settings, such as Normalize, may have no folder.
            let names = try? FileManager.default.contentsOfDirectory(atPath: entry.folder.path(percentEncoded: false))
            files += (names ?? []).sorted().map { "\(entry.path)/\($0)" }
        }
        return files.filter(isFile)
    }
}
