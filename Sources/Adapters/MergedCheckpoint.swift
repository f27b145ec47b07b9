import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// A model folder with an adapter's changes in its weights: plain, as if it had been fine-tuned whole.
///
/// Weights that no adapter touched are copied byte for byte; a merged one is computed in float32 and rounded once to its
/// type. Shards become one file.
package struct MergedCheckpoint {
    private let base: URL
    private let tensors: [FrozenTensor: Matrix]
    private let names: CheckpointNames
    private let type: ElementType?
    /// New values of tensors that are no linear map of the encoder's, by their names in the checkpoint.
    package var others: [String: Matrix] = [:]
    /// Tensors that are left out.
    package var dropped: Set<String> = []

    /// The model folder `base` with new numbers in some tensors. `type` is that of all floating-point tensors in the new
    /// file; nil: each keeps its own.
    package init(base: URL, tensors: [FrozenTensor: Matrix], names: CheckpointNames, type: ElementType?) {
        (self.base, self.tensors, self.names, self.type) = (base, tensors, names, type)
    }

    /// Writes the weights, and copies configuration, tokenizer and modules, into `folder`, which exists.
    package func write(into folder: URL) throws(AdapterError) {
        do { try writeWeights(to: folder.appending(path: SafetensorsFolder.fileName)) } catch { throw .weights(error) }
        let companions: [String]
        do { companions = try self.companions() } catch {
            throw .notCopied(from: base.path(percentEncoded: false), reason: "\(error)")
        }
        do {
            for name in companions {
                let target = folder.appending(path: name)
                try FileManager.default.createDirectory(
                    at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
                // Through the contents: a model in the Hugging Face cache is a folder of links.
                try Data(contentsOf: base.appending(path: name)).write(to: target)
            }
        } catch { throw .notCopied(from: base.path(percentEncoded: false), reason: error.localizedDescription) }
    }

    private func writeWeights(to url: URL) throws(SafetensorsError) {
        let source = try SafetensorsFolder(contentsOf: base)
        let prefix = names.prefix(of: source.names)
        var merged = others
        for (tensor, values) in tensors {
            // Under each name that it has here: a table that two modules share may stand in a checkpoint twice.
            for name in names.spellings(of: prefix + names.name(of: tensor)) { merged[name] = values }
        }
        var writer = SafetensorsWriter()
        for name in source.names where !dropped.contains(name) {
            let tensor = try source.tensor(named: name)
            let type = tensor.elementType.isFloatingPoint ? type ?? tensor.elementType : tensor.elementType
            if let weight = merged[name] {
                writer.add(name, shape: tensor.shape, floats: weight.values, as: type)
            } else {
                writer.add(tensor, as: type)
            }
        }
        try writer.write(to: url)
    }

    /// The files beside the weights that make the folder a model, as far as they are there.
    private func companions() throws(EncoderError) -> [String] {
        let names = [
            "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
            "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "spm.model", "sentencepiece.bpe.model",
        ]
        let present = names.filter {
            FileManager.default.fileExists(atPath: base.appending(path: $0).path(percentEncoded: false))
        }
        return present + (try SentenceModules.files(in: base))
    }
}
