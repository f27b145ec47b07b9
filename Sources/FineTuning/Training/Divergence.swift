/// A step of training that came to no finite number: where it was, and which texts it was of.
public struct Divergence: Sendable, Equatable {
    /// The step of the run, and its epoch, from 1.
    public let step, epoch: Int
    /// The stage, where there are several.
    public let stage: String?
    /// The loss of the step; where it is finite, the gradient is not.
    public let loss: Double
    /// The norm of the gradient.
    public let gradientNorm: Float
    /// The texts whose losses are no finite numbers; empty where only their gradients are not.
    public internal(set) var texts: [Text]

    /// A text of a task.
    public struct Text: Sendable, Equatable {
        /// The task.
        public let task: String
        /// The place of its example in the training data, from 0.
        public let example: Int
        /// The file and line that the example begins on; nil where that is not known.
        public internal(set) var file: String?, line: Int?
        /// How the text begins.
        public internal(set) var beginning: String?

        /// A text by its place alone.
        public init(task: String, example: Int) { (self.task, self.example) = (task, example) }
    }

    /// Whether all is alike; losses that are no numbers are where they are the same kind of none.
    public static func == (a: Divergence, b: Divergence) -> Bool {
        (a.step, a.epoch, a.stage, a.loss.bitPattern, a.gradientNorm.bitPattern)
            == (b.step, b.epoch, b.stage, b.loss.bitPattern, b.gradientNorm.bitPattern) && a.texts == b.texts
    }
}

extension Divergence: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        let what = loss.isFinite ? "norm of the gradient" : "loss"
        let number = loss.isFinite ? Double(gradientNorm) : loss
        var words = "the \(what) of step \(step) (epoch \(epoch)\(stage.map { " of stage '\($0)'" } ?? "")) is "
        words += number.isNaN ? "not a number" : "infinite"
        if !texts.isEmpty {
            let shown = texts.prefix(Divergence.textsShown).map(\.description).joined(separator: "; ")
            let rest = texts.count - Divergence.textsShown
            words += ", that of \(shown)" + (rest > 0 ? "; and of \(rest) more texts" : "")
        }
        return words + ". Try a lower learning rate, a longer warm-up or a lower clip"
    }

    private static let textsShown = 5
}

extension Divergence.Text: CustomStringConvertible {
    /// "train.jsonl, line 14 ('the coach of …')"
    public var description: String {
        let place =
            file.flatMap { file in line.map { "\(file), line \($0)" } } ?? "example \(example + 1) of task '\(task)'"
        return place + (beginning.map { " ('\($0)')" } ?? "")
    }
}

extension Divergence {
    /// The same with the texts named as their data sets have them. `data` gives that of a task.
    func named(_ data: (_ task: String) -> Dataset?) -> Divergence {
        var named = self
        var known: Set<String> = []
        // The windows of a sentence are one example.
        named.texts = texts.filter { known.insert("\($0.example) \($0.task)").inserted }.map { text in
            var text = text
            guard let data = data(text.task), data.examples.indices.contains(text.example) else { return text }
            let example = data.examples[text.example]
            (text.file, text.line) = (data.source, example.line)
            text.beginning = example.text.count > 40 ? example.text.prefix(39) + "…" : example.text
            return text
        }
        return named
    }
}
