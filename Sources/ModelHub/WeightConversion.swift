/// The command that turns a repository's weights into safetensors, which only Python can: its formats hold programs.
enum WeightConversion {
    /// One line for a shell. `found` are the files that the repository has instead of `model.safetensors`.
    static func command(for model: String, found: [String], isSentenceTransformer: Bool) -> String {
        let folder = "./" + (model.split(separator: "/").last.map(String.init) ?? model)
        if isSentenceTransformer {
            return "python3 -c \"from sentence_transformers import SentenceTransformer as M; "
                + "M('\(model)').save_pretrained('\(folder)')\""
        }
        // PyTorch's own format is what transformers takes without being told.
        let format =
            if found.contains(where: { $0.hasSuffix(".bin") }) {
                ""
            } else if found.contains(where: { $0.hasSuffix(".h5") }) {
                ", from_tf=True"
            } else {
                ", from_flax=True"
            }
        return "python3 -c \"import transformers as t; m = '\(model)'; d = '\(folder)'; "
            + "a = t.AutoConfig.from_pretrained(m).architectures or ['AutoModel']; "
            + "getattr(t, a[0]).from_pretrained(m\(format)).save_pretrained(d, safe_serialization=True); "
            + "t.AutoTokenizer.from_pretrained(m).save_pretrained(d)\""
    }
}
