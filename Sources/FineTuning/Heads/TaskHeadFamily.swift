import Encoders
import Files

/// The heads that transformers' task models of a family have: a table, by `model_type`.
struct TaskHeadFamily: Sendable {
    /// `model_type` of those that have these heads.
    let modelTypes: [String]
    /// The head of `…ForSequenceClassification`; nil: it is no head on the encoder alone.
    let text: (@Sendable (JSONFields) throws(JSONFieldsError) -> Layout)?
    /// The head of `…ForTokenClassification`.
    let tokens: @Sendable (JSONFields) throws(JSONFieldsError) -> Layout

    /// A head's layers, and what they are called in a checkpoint.
    struct Layout {
        /// nil for a head that sees each token.
        var pooling: Pooling?
        var shape: HeadShape
        /// The module of the layer before the output layer.
        var dense: Module?
        /// The module of the norm.
        var norm: Module?
        var output = Module("classifier")
    }

    /// A module's name.
    struct Module {
        let name: String
        /// Whether it is a part of the bare model, as BERT's pooler: behind the family's prefix, and there without a head too.
        let isOfEncoder: Bool

        init(_ name: String, isOfEncoder: Bool = false) { (self.name, self.isOfEncoder) = (name, isOfEncoder) }
    }

    /// All families whose heads are known.
    static let all: [TaskHeadFamily] = [
        // The pooler, tanh of a dense layer on the first token, and a linear layer.
        TaskHeadFamily(
            modelTypes: ["bert"],
            text: { fields throws(JSONFieldsError) in
                .firstToken(
                    Module("pooler.dense", isOfEncoder: true), .tanh, output: Module("classifier"),
                    outputDropout: try fields.classifierDropout())
            },
            tokens: { fields throws(JSONFieldsError) in .linear(try fields.classifierDropout()) }),
        TaskHeadFamily(
            modelTypes: ["albert"],
            text: { fields throws(JSONFieldsError) in
                .firstToken(
                    Module("pooler", isOfEncoder: true), .tanh, output: Module("classifier"),
                    outputDropout: try fields.dropout("classifier_dropout_prob", default: 0.1))
            },
            tokens: { fields throws(JSONFieldsError) in
                .linear(try fields.dropout("classifier_dropout_prob", default: 0.1))
            }),
        TaskHeadFamily(
            modelTypes: ["distilbert"],
            text: { fields throws(JSONFieldsError) in
                .firstToken(
                    Module("pre_classifier"), .relu, output: Module("classifier"),
                    outputDropout: try fields.dropout("seq_classif_dropout", default: 0.2))
            },
            tokens: { fields throws(JSONFieldsError) in .linear(try fields.dropout("dropout", default: 0.1)) }),
        TaskHeadFamily(
            modelTypes: ["roberta", "xlm-roberta", "camembert"],
            text: { fields throws(JSONFieldsError) in .classifier(.tanh, try fields.classifierDropout()) },
            tokens: { fields throws(JSONFieldsError) in .linear(try fields.classifierDropout()) }),
        TaskHeadFamily(
            modelTypes: ["electra"],
            text: { fields throws(JSONFieldsError) in .classifier(.gelu, try fields.classifierDropout()) },
            tokens: { fields throws(JSONFieldsError) in .linear(try fields.classifierDropout()) }),
        TaskHeadFamily(
            modelTypes: ["mpnet"],
            text: { fields throws(JSONFieldsError) in
                .classifier(.tanh, try fields.dropout("hidden_dropout_prob", default: 0.1))
            },
            tokens: { fields throws(JSONFieldsError) in
                .linear(try fields.dropout("hidden_dropout_prob", default: 0.1))
            }),
        TaskHeadFamily(
            modelTypes: ["deberta-v2"],
            text: { fields throws(JSONFieldsError) in
                let hidden = try fields.dropout("hidden_dropout_prob", default: 0.1)
                return .firstToken(
                    Module("pooler.dense"), try fields.function("pooler_hidden_act", default: "gelu"),
                    output: Module("classifier"), inputDropout: try fields.dropout("pooler_dropout", default: 0),
                    outputDropout: try fields.dropout("cls_dropout", default: hidden))
            },
            tokens: { fields throws(JSONFieldsError) in
                .linear(try fields.dropout("hidden_dropout_prob", default: 0.1))
            }),
        TaskHeadFamily(
            modelTypes: ["modernbert"],
            text: { fields throws(JSONFieldsError) in
                var layout = try Layout.modernBERT(fields)
                layout.pooling = try fields.choice(
                    "classifier_pooling", default: "cls", of: [("cls", Pooling.cls), ("mean", .mean)])
                return layout
            },
            tokens: { fields throws(JSONFieldsError) in try .modernBERT(fields) }),
        // T5's own text classifier runs the decoder too.
        TaskHeadFamily(
            modelTypes: ["t5"], text: nil,
            tokens: { fields throws(JSONFieldsError) in .linear(try fields.dropout("classifier_dropout", default: 0)) }),
    ]
}

extension TaskHeadFamily.Layout {
    /// An output layer on each token.
    fileprivate static func linear(_ dropout: Float) -> Self {
        Self(shape: HeadShape(dense: nil, outputDropout: dropout))
    }

    /// A dense layer and an output layer on the first token.
    fileprivate static func firstToken(
        _ dense: TaskHeadFamily.Module, _ function: ElementFunction, output: TaskHeadFamily.Module,
        inputDropout: Float = 0, outputDropout: Float
    ) -> Self {
        let shape = HeadShape(inputDropout: inputDropout, dense: .init(function), outputDropout: outputDropout)
        return Self(pooling: .cls, shape: shape, dense: dense, output: output)
    }

    /// RoBERTa's, both layers of which are in a module `classifier`.
    fileprivate static func classifier(_ function: ElementFunction, _ dropout: Float) -> Self {
        firstToken(
            TaskHeadFamily.Module("classifier.dense"), function, output: TaskHeadFamily.Module("classifier.out_proj"),
            inputDropout: dropout,
            outputDropout: dropout)
    }

    /// ModernBERT's: a dense layer, a norm and an output layer.
    fileprivate static func modernBERT(_ fields: JSONFields) throws(JSONFieldsError) -> Self {
        let norm = HeadShape.Norm(
            epsilon: try fields.number("norm_eps", default: 1e-5, in: 0...1),
            hasBias: try fields.flag("norm_bias", default: false))
        let dense = HeadShape.Dense(
            try fields.function("classifier_activation", default: "gelu"),
            hasBias: try fields.flag("classifier_bias", default: false), norm: norm)
        let dropout = try fields.dropout("classifier_dropout", default: 0)
        return Self(
            shape: HeadShape(dense: dense, outputDropout: dropout), dense: TaskHeadFamily.Module("head.dense"),
            norm: TaskHeadFamily.Module("head.norm"))
    }
}

extension JSONFields {
    fileprivate func dropout(_ name: String, default fallback: Float) throws(JSONFieldsError) -> Float {
        try number(name, default: fallback, in: 0...0.99)
    }

    /// `classifier_dropout`, or that of hidden states where it is null.
    fileprivate func classifierDropout() throws(JSONFieldsError) -> Float {
        try dropout("classifier_dropout", default: dropout("hidden_dropout_prob", default: 0.1))
    }

    /// An activation by transformers' name for it.
    fileprivate func function(_ name: String, default fallback: String) throws(JSONFieldsError) -> ElementFunction {
        try choice(
            name, default: fallback,
            of: [
                ("gelu", .gelu), ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh), ("tanh", .tanh),
                ("relu", .relu), ("silu", .silu), ("swish", .silu), ("sigmoid", .sigmoid), ("linear", .identity),
            ])
    }
}
