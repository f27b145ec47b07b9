import Adapters
import Foundation

/// README.md of an adapter folder: what was trained, on what, how well it does, and the command that makes it again.
public struct ModelCard: Sendable {
    /// The base model's Hub id or folder name.
    public var baseModel: String
    /// The task's name: that of the adapter folder.
    public var name: String
    /// What was trained: "LoRA of rank 8, …".
    public var method: String
    /// The names of the methods among the tags: "lora"; empty where there is no adapter.
    public var methodTags: [String] = []
    /// The folders of the parts, where there are several methods: "parts/0-ia3".
    public var parts: [String] = []
    /// What was learned.
    public var objective: Objective
    /// The layers of the head before the output layer.
    public var head: HeadShape
    /// Label names with the number of training texts of each, or of words for tags.
    public var labelCounts: [(label: String, count: Int)]
    /// The file trained on, with the number of texts; nil for a task that was only watched.
    public var training: (file: String, texts: Int)?
    /// The held-out file, if there was one, with the number of texts.
    public var evaluation: (file: String, texts: Int)?
    /// Scores on the evaluation data.
    public var scores: Scores?
    /// How it compares with its head trained alone, where that was done.
    public var baseline: BaselineComparison?
    /// The settings of the run, in a table.
    public var settings: [(name: String, value: String)]
    /// The command that makes it again.
    public var command: String

    /// A card of the given facts.
    public init(
        baseModel: String, name: String, method: String, objective: Objective, head: HeadShape = .linear,
        labelCounts: [(label: String, count: Int)], training: (file: String, texts: Int)?,
        evaluation: (file: String, texts: Int)?, scores: Scores?, settings: [(name: String, value: String)],
        command: String
    ) {
        (self.baseModel, self.name, self.method, self.objective) = (baseModel, name, method, objective)
        (self.head, self.labelCounts) = (head, labelCounts)
        (self.training, self.evaluation, self.scores) = (training, evaluation, scores)
        (self.settings, self.command) = (settings, command)
    }

    /// The Markdown text, with the front matter that the Hugging Face Hub reads.
    public var markdown: String {
        var lines = [
            "---", "library_name: \(isOfAdapterHub ? "adapters" : "peft")", "base_model: \(baseModel)",
            "pipeline_tag: \(pipelineTag)", "tags:",
            "- graft",
        ]
        lines += methodTags.map { "- \($0)" }
        lines += [
            "---", "", "# \(name)", "",
            "\(method) on the frozen encoder `\(baseModel)`, with \(headWords).",
            "",
            "## Data", "", "| data | texts |", "| --- | ---: |",
        ]
        if let training { lines.append("| `\(training.file)` (training) | \(training.texts) |") }
        if let evaluation { lines.append("| `\(evaluation.file)` (held out) | \(evaluation.texts) |") }
        if !labelCounts.isEmpty {
            lines += ["", "| label | training \(objective == .tagging ? "words" : "texts") |", "| --- | ---: |"]
            lines += labelCounts.map { "| \($0.label) | \($0.count) |" }
        }
        if let scores {
            lines += [
                "", "## Scores on the held-out texts", "",
                "The epoch that was kept is the one that did best on them.", "",
            ]
            lines += table(of: scores)
        }
        if let baseline { lines += ["", "Compared with the head alone on the frozen encoder: \(baseline)."] }
        lines += ["", "## Training", "", "| setting | value |", "| --- | --- |"]
        lines += settings.map { "| \($0.name) | \($0.value) |" }
        lines += [
            "", "```sh", command, "```", "", "## Files", "",
        ]
        lines += files
        lines += [
            objective == .similarity
                ? "`head_config.json` says what the embeddings are for and how they are pooled."
                : "`head.safetensors` (\(head == .linear ? "`weight`, `bias`" : "its layers")) and `head_config.json` (label names, pooling) are the head.",
            "",
        ]
        return lines.joined(separator: "\n")
    }

    /// What opens the adapter, and how.
    private var files: [String] {
        guard parts.isEmpty else {
            return [
                "`adapter_parts.json` lists the adapter's parts, which are one adapter together. Each is a folder of its method's",
                "own library, PEFT or AdapterHub, and opens there by itself: \(parts.map { "`\($0)`" }.joined(separator: ", ")).",
            ]
        }
        return isOfAdapterHub
            ? [
                "`adapter_config.json` and `adapter.safetensors` are AdapterHub's: open the folder with",
                "`AutoAdapterModel.from_pretrained(\"\(baseModel)\").load_adapter(folder, use_safetensors=True)`.",
            ]
            : [
                "`adapter_config.json` and `adapter_model.safetensors` are PEFT's: open the folder with",
                "`PeftModel.from_pretrained(AutoModel.from_pretrained(\"\(baseModel)\"), folder)`.",
            ]
    }

    /// Whether the method is filed as AdapterHub's library does, and not as PEFT does.
    private var isOfAdapterHub: Bool {
        !methodTags.isEmpty && methodTags.allSatisfy { AdapterMethods.named($0) is any AdapterHubMethod.Type }
    }

    /// What the Hub calls the kind of task.
    private var pipelineTag: String {
        switch objective {
        case .tagging: "token-classification"
        case .similarity: "sentence-similarity"
        case .classification, .multilabel, .regression: "text-classification"
        }
    }

    private var headWords: String {
        let head = head == .linear ? "a linear head" : "a head (\(head))"
        return switch objective {
        case .classification, .tagging: "\(head) over \(labelCounts.count) labels"
        case .multilabel: "\(head) over \(labelCounts.count) labels, of which a text has any number"
        case .regression: "\(head) that tells a number"
        case .similarity: "no head: the cosine of two embeddings says how alike texts are"
        }
    }

    private func table(of scores: Scores) -> [String] {
        switch scores {
        case .classification(let scores):
            [
                "| accuracy | macro F1 |", "| ---: | ---: |",
                "| \(format(scores.accuracy)) | \(format(scores.macroF1)) |", "",
                "| label | precision | recall | F1 | texts |", "| --- | ---: | ---: | ---: | ---: |",
            ]
                + scores.perLabel.map {
                    "| \($0.label) | \(format($0.precision)) | \(format($0.recall)) | \(format($0.f1)) | \($0.support) |"
                }
        case .multilabel(let metrics):
            figures(scores) + [
                "", "| label | precision | recall | F1 | texts |", "| --- | ---: | ---: | ---: | ---: |",
            ]
                + metrics.perLabel.map {
                    "| \($0.label) | \(format($0.precision)) | \(format($0.recall)) | \(format($0.f1)) | \($0.support) |"
                }
        case .regression, .similarity, .ranking: figures(scores)
        case .tagging(let scores):
            [
                "| entity precision | recall | F1 | word accuracy |", "| ---: | ---: | ---: | ---: |",
                "| \(format(scores.precision)) | \(format(scores.recall)) | \(format(scores.f1)) | "
                    + "\(format(scores.wordAccuracy)) |", "",
                "| entity | precision | recall | F1 | entities |", "| --- | ---: | ---: | ---: | ---: |",
            ]
                + scores.types.map {
                    "| \($0.type) | \(format($0.precision)) | \(format($0.recall)) | \(format($0.f1)) | \($0.support) |"
                }
        }
    }

    /// All figures in one row.
    private func figures(_ scores: Scores) -> [String] {
        [
            "| " + scores.names.map { $0.replacing("_", with: " ") }.joined(separator: " | ") + " |",
            "|" + String(repeating: " ---: |", count: scores.names.count),
            "| " + scores.values.map { format($0.value) }.joined(separator: " | ") + " |",
        ]
    }

    private func format(_ score: Double) -> String { String(format: "%.4f", score) }
}
