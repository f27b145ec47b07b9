import Benchmarking
import Graft

extension BenchmarkReport {
    /// For people.
    var lines: [String] {
        let config = subject.model.encoder.config
        var lines = [
            "machine  \(Kernels.chosen ?? "") kernels, \(threads(ceilings.threads))",
            "model    \(model): \(config.layers) layers, \(config.hiddenSize) wide, \(config.intermediateSize) in the"
                + " feed-forward blocks, weights in \(subject.precision.rawValue)",
            "texts    \(HumanUnits.count(subject.texts.whole.count)) of \(source)",
        ]
        func add(_ title: String, _ section: [String]) { lines += ["", title] + section.map { "  " + $0 } }
        if showsCeilings {
            add("Ceilings: multiply-adds on registers alone, billions of operations a second", ceilingLines)
        }
        if let products { add("Products of this encoder's shapes, on one thread", self.lines(products)) }
        if let inference { add("Embedding, cutting into tokens included", self.lines(inference)) }
        if let training { add(title(training), self.lines(training)) }
        if let adapters { add("Adapters", self.lines(adapters)) }
        if let load { add("Loading the model, its file in the system's cache", self.lines(load)) }
        var memory = TextTable(("after", .left), ("peak memory", .right))
        for peak in peakMemory { memory.append(peak.after, HumanUnits.bytes(peak.bytes)) }
        add("Memory", memory.lines)
        return lines
    }

    private func threads(_ count: Int) -> String { count == 1 ? "1 thread" : "\(count) threads" }

    private var ceilingLines: [String] {
        var table = TextTable(
            ("format", .left), ("one thread", .right), (threads(ceilings.threads), .right), ("ratio", .right),
            ("", .left))
        for ceiling in ceilings.ceilings {
            table.append(
                ceiling.precision.rawValue, ceiling.oneThread.billions, ceiling.allThreads.billions,
                (ceiling.allThreads / ceiling.oneThread).fixed(2),
                ceiling.isNative ? "" : "without an instruction for it")
        }
        return table.lines
    }

    private func lines(_ products: ProductFigures) -> [String] {
        var table = TextTable(
            ("rows × depth × columns", .left), ("format", .left), ("10⁹ operations/s", .right),
            ("of the ceiling", .right), ("rounding rows", .right), ("whose", .left))
        for shape in products.shapes {
            table.append(
                "\(shape.rows) × \(shape.depth) × \(shape.columns)", shape.precision.rawValue, shape.rate.billions,
                (shape.rate / ceilings[shape.precision].oneThread).percent,
                shape.rounding.map { "+\(($0 / shape.seconds).percent)" } ?? "", shape.name)
        }
        return table.lines
    }

    private func lines(_ inference: InferenceFigures) -> [String] {
        var table = TextTable(
            ("texts", .right), ("tokens", .right), ("time", .right), ("tokens/s", .right), ("of the ceiling", .right),
            ("cutting", .right), ("", .left))
        for batch in inference.batches {
            table.append(
                HumanUnits.count(batch.texts), HumanUnits.count(batch.tokens), batch.seconds.milliseconds,
                HumanUnits.count(Int(batch.tokensPerSecond)),
                share(batch.operations / batch.seconds, of: subject.precision).percent,
                (batch.tokenizing / batch.seconds).percent, batch.kind.words)
        }
        return table.lines
    }

    private func title(_ training: TrainingFigures) -> String {
        let recipe = subject.recipe
        return "Training step: \(training.texts) texts, \(HumanUnits.count(training.tokens)) tokens, LoRA of rank"
            + " \(subject.lora.rank) on \(recipe.projections(for: subject.model.encoder.config).map(\.rawValue).joined(separator: ", ")),"
            + " \(subject.dropsInsideEncoder ? "with" : "without") the encoder's dropout"
    }

    private func lines(_ training: TrainingFigures) -> [String] {
        let breakdown = training.breakdown
        let rate = training.operations / training.seconds
        var lines = [
            "\(training.seconds.milliseconds), \(HumanUnits.count(Int(training.tokensPerSecond))) tokens/s on"
                + " \(threads(training.threads))"
        ]
        if let single = training.tokensPerSecondOnOneThread {
            lines[0] +=
                ", \(HumanUnits.count(Int(single))) on one: \((training.tokensPerSecond / single).fixed(2)) times"
        }
        lines.append(
            "\((training.operations / Double(training.tokens) / 1e6).fixed(1)) million operations a token:"
                + " \(share(rate, of: subject.precision).percent) of the \(subject.precision.rawValue) ceiling"
                + (subject.precision == .bfloat16
                    ? "" : ", \(share(rate, of: .bfloat16).percent) of the bfloat16 ceiling"))
        var table = TextTable(("where the time goes", .left), ("time", .right), ("share", .right))
        for (part, seconds) in breakdown.parts where seconds > 0 {
            table.append(part.words, seconds.milliseconds, (seconds / breakdown.seconds).percent)
        }
        table.append("the step", breakdown.seconds.milliseconds, "")
        return lines + table.lines
    }

    private func lines(_ adapters: AdapterFigures) -> [String] {
        var table = TextTable(("what", .left), ("time", .right))
        table.append("loading a folder of \(HumanUnits.bytes(adapters.folderBytes))", adapters.load.milliseconds)
        table.append("answering with another one", adapters.swap.milliseconds)
        let batch = "\(adapters.mixedTexts) texts of \(adapters.mixedTokens) tokens"
        table.append("\(batch), one adapter", adapters.singleBatch.milliseconds)
        table.append("\(batch), \(adapters.mixedAdapters) adapters mixed", adapters.mixedBatch.milliseconds)
        table.append("merging in memory, ready to compute", adapters.merge.milliseconds)
        table.append("writing a merged folder, with its certificate", adapters.writtenMerge.milliseconds)
        return table.lines
    }

    private func lines(_ load: LoadFigures) -> [String] {
        var table = TextTable(("what", .left), ("time", .right))
        table.append("reading the folder", load.load.milliseconds)
        table.append("reading it and embedding one short text", load.loadAndFirstText.milliseconds)
        return table.lines
    }
}

extension Double {
    /// 0.4123 as "41.2 %".
    fileprivate var percent: String { (100 * self).fixed(1) + " %" }
    /// Operations a second in billions.
    fileprivate var billions: String { (self / 1e9).fixed(1) }
    /// Seconds as "1,234 ms", "12.3 ms" or "0.012 ms".
    fileprivate var milliseconds: String {
        let value = 1000 * self
        return (value >= 100 ? HumanUnits.count(Int(value.rounded())) : value.fixed(value >= 1 ? 1 : 4)) + " ms"
    }
}

extension InferenceFigures.Kind {
    fileprivate var words: String {
        switch self {
        case .oneShort: "one short sentence"
        case .manyShort: "short texts"
        case .manyLong: "long texts"
        case .asTheyAre: "the texts as they are"
        }
    }
}

extension Profile.Part {
    fileprivate var words: String {
        switch self {
        case .linearForward: "linear products, forward"
        case .linearBackward: "linear products, backward"
        case .attentionForward: "attention, forward"
        case .attentionBackward: "attention, backward"
        case .norm: "residuals, dropout, layer norms"
        case .activation: "GELU"
        case .adapter: "adapters' low-rank path"
        case .embeddings: "embeddings"
        case .head: "pooling, head and loss"
        case .optimizer: "summing gradients, optimizer"
        case .packing: "packing and rounding"
        case .tokenizer: "cutting into tokens"
        case .rest: "the rest"
        case .waiting: "threads waiting for each other"
        }
    }
}
