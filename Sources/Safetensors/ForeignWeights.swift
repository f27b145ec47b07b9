#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Weights in a model folder that are in a format which Graft does not read, and the command that converts them.
///
/// PyTorch's own files are pickles, which are programs: only Python can read them, and only those that are trusted.
enum ForeignWeights {
    /// The names of such files in `folder`, sorted.
    static func names(in folder: URL) -> [String] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
            return []  // a folder that cannot be listed holds none that could be named
        }
        return names.filter {
            $0.wholeMatch(
                of: /pytorch_model(-\d+-of-\d+)?\.bin|tf_model(-\d+-of-\d+)?\.h5|flax_model\.msgpack|model\.onnx/)
                != nil
        }.sorted()
    }

    /// One line for a shell that writes `model.safetensors` beside them, with the head that the model may have; nil if
    /// nothing reads any of the formats.
    static func conversion(of names: [String], in folder: URL) -> String? {
        let path = folder.path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        if names.contains("pytorch_model.bin"), !isModel(folder) {
            // A module of sentence-transformers, such as 2_Dense: its file is the tensors by name, and nothing more.
            return "python3 -c \"import sys, torch, safetensors.torch as s; d = sys.argv[1]; "
                + "s.save_file(torch.load(d + '/pytorch_model.bin', map_location='cpu', weights_only=True), "
                + "d + '/model.safetensors')\" '\(path)'"
        }
        // PyTorch's is what transformers takes without being told.
        let format: String
        if names.contains(where: { $0.hasSuffix(".bin") }) {
            format = ""
        } else if names.contains(where: { $0.hasSuffix(".h5") }) {
            format = ", from_tf=True"
        } else if names.contains(where: { $0.hasSuffix(".msgpack") }) {
            format = ", from_flax=True"
        } else {
            return nil
        }
        return "python3 -c \"import sys, transformers as t; m = sys.argv[1]; "
            + "a = t.AutoConfig.from_pretrained(m).architectures or ['AutoModel']; "
            + "getattr(t, a[0]).from_pretrained(m\(format)).save_pretrained(m, safe_serialization=True)\" '\(path)'"
    }

    /// Whether transformers knows what is in `folder`: its configuration names a type of model.
    private static func isModel(_ folder: URL) -> Bool {
        guard let bytes = FileManager.default.contents(atPath: folder.appendingPathComponent("config.json").path)
        else { return true }
        return String(decoding: bytes, as: UTF8.self).contains("\"model_type\"")
    }
}
