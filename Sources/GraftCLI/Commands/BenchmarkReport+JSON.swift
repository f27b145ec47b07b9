import Benchmarking
import Graft

extension BenchmarkReport {
    /// What `graft benchmark --json` prints. Sections that were not asked for are left out.
    var json: JSONText {
        let config = subject.model.encoder.config
        var fields: [(name: String, value: JSONText)] = [
            ("kernels", .string(Kernels.chosen ?? "")), ("threads", .integer(ceilings.threads)),
            ("precision", .string(subject.precision.rawValue)), ("model", .string(model)),
            ("layers", .integer(config.layers)), ("hidden_size", .integer(config.hiddenSize)),
            ("intermediate_size", .integer(config.intermediateSize)), ("texts", .integer(subject.texts.whole.count)),
            ("text_source", .string(source)),
        ]
        if showsCeilings { fields.append(("ceilings", .array(ceilings.ceilings.map(json)))) }
        if let products { fields.append(("products", .array(products.shapes.map(json)))) }
        if let inference { fields.append(("inference", .array(inference.batches.map(json)))) }
        if let training { fields.append(("training", json(training))) }
        if let adapters { fields.append(("adapters", json(adapters))) }
        if let load {
            fields.append(
                (
                    "load",
                    .object([
                        ("seconds", .double(load.load)), ("with_first_text_seconds", .double(load.loadAndFirstText)),
                    ])
                ))
        }
        fields.append(("peak_memory_bytes", .object(peakMemory.map { ($0.after, .integer($0.bytes)) })))
        return .object(fields)
    }

    private func json(_ ceiling: MachineCeilings.Ceiling) -> JSONText {
        .object([
            ("precision", .string(ceiling.precision.rawValue)), ("native", .flag(ceiling.isNative)),
            ("one_thread", .double(ceiling.oneThread)), ("all_threads", .double(ceiling.allThreads)),
        ])
    }

    private func json(_ shape: ProductFigures.Shape) -> JSONText {
        .object([
            ("name", .string(shape.name)), ("rows", .integer(shape.rows)), ("depth", .integer(shape.depth)),
            ("columns", .integer(shape.columns)), ("precision", .string(shape.precision.rawValue)),
            ("seconds", .double(shape.seconds)), ("rounding_seconds", shape.rounding.map { .double($0) } ?? .null),
            ("operations_per_second", .double(shape.rate)),
            ("share_of_ceiling", .double(shape.rate / ceilings[shape.precision].oneThread)),
        ])
    }

    private func json(_ batch: InferenceFigures.Batch) -> JSONText {
        .object([
            ("kind", .string(batch.kind.rawValue)), ("texts", .integer(batch.texts)),
            ("tokens", .integer(batch.tokens)),
            ("seconds", .double(batch.seconds)), ("tokenizing_seconds", .double(batch.tokenizing)),
            ("tokens_per_second", .double(batch.tokensPerSecond)), ("operations", .double(batch.operations)),
            ("share_of_ceiling", .double(share(batch.operations / batch.seconds, of: subject.precision))),
        ])
    }

    private func json(_ training: TrainingFigures) -> JSONText {
        let breakdown = training.breakdown
        let rate = training.operations / training.seconds
        return .object([
            ("texts", .integer(training.texts)), ("tokens", .integer(training.tokens)),
            ("trained_parameters", .integer(training.trainedParameters)), ("seconds", .double(training.seconds)),
            ("tokens_per_second", .double(training.tokensPerSecond)),
            ("tokens_per_second_on_one_thread", training.tokensPerSecondOnOneThread.map { .double($0) } ?? .null),
            ("operations", .double(training.operations)),
            ("share_of_ceiling", .double(share(rate, of: subject.precision))),
            ("share_of_bfloat16_ceiling", .double(share(rate, of: .bfloat16))),
            (
                "breakdown",
                .object([
                    ("steps", .integer(breakdown.steps)), ("seconds", .double(breakdown.seconds)),
                    ("parts", .object(breakdown.parts.map { ($0.part.name, .double($0.seconds)) })),
                ])
            ),
        ])
    }

    private func json(_ adapters: AdapterFigures) -> JSONText {
        .object([
            ("folder_bytes", .integer(adapters.folderBytes)), ("load_seconds", .double(adapters.load)),
            ("swap_seconds", .double(adapters.swap)), ("batch_texts", .integer(adapters.mixedTexts)),
            ("batch_tokens_a_text", .integer(adapters.mixedTokens)), ("batch_seconds", .double(adapters.singleBatch)),
            ("mixed_adapters", .integer(adapters.mixedAdapters)),
            ("mixed_batch_seconds", .double(adapters.mixedBatch)),
            (
                "mixtures",
                .array(
                    adapters.mixtures.map { mixture in
                        .object([
                            ("texts", .integer(mixture.texts)), ("tokens_a_text", .integer(mixture.tokens)),
                            ("adapters", .integer(mixture.adapters)), ("seconds", .double(mixture.seconds)),
                        ])
                    })
            ),
            (
                "many_tasks",
                .array(
                    adapters.manyTasks.map { figure in
                        .object([
                            ("texts", .integer(figure.texts)), ("tokens_a_text", .integer(figure.tokens)),
                            ("tasks", .integer(figure.tasks)), ("lowest_layer", .integer(figure.lowestLayer)),
                            ("seconds", .double(figure.together)), ("one_by_one_seconds", .double(figure.oneByOne)),
                        ])
                    })
            ), ("merge_seconds", .double(adapters.merge)),
            ("written_merge_seconds", .double(adapters.writtenMerge)),
        ])
    }
}

extension Profile.Part {
    /// What JSON calls it.
    fileprivate var name: String {
        switch self {
        case .linearForward: "linear_forward"
        case .linearBackward: "linear_backward"
        case .attentionForward: "attention_forward"
        case .attentionBackward: "attention_backward"
        case .norm: "norm"
        case .activation: "activation"
        case .adapter: "adapter"
        case .embeddings: "embeddings"
        case .head: "head"
        case .optimizer: "optimizer"
        case .packing: "packing"
        case .tokenizer: "tokenizer"
        case .rest: "rest"
        case .waiting: "waiting"
        }
    }
}
