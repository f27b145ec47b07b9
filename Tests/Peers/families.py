"""The families of encoders that Graft runs, as transformers calls them: one entry each, for fixtures and comparisons.

A `Family` says how to make a model of any size with random weights, and which modules people put adapters on.
"""

from dataclasses import dataclass

import torch
import transformers
from transformers import (
    AlbertConfig,
    BertConfig,
    CamembertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    RobertaConfig,
    T5Config,
    XLMRobertaConfig,
)


@dataclass(frozen=True)
class Size:
    """The extents of a model; `embedding` only where embeddings are narrower than hidden states."""

    hidden: int = 20
    embedding: int = 12
    heads: int = 2
    layers: int = 3
    intermediate: int = 27
    vocabulary: int = 60
    #: The longest text.
    longest: int = 512

    def bert(self, **changes):
        """The fields that most families have from BERT."""
        return {
            **dict(
                hidden_size=self.hidden, num_hidden_layers=self.layers, num_attention_heads=self.heads,
                intermediate_size=self.intermediate, vocab_size=self.vocabulary,
                max_position_embeddings=self.longest, type_vocab_size=2,
            ),
            **changes,
        }  # fmt: skip


@dataclass(frozen=True)
class Family:
    """One kind of encoder, or one way that a family's configuration comes."""

    #: The class of the bare model.
    model: str
    #: A configuration from a Size.
    config: callable
    #: Where Graft puts LoRA when nobody says where.
    targets: list
    #: All linear maps of the layers.
    every_target: list
    #: The class of a task model, whose checkpoint has the bare model behind a prefix.
    task: str
    #: Parameters on which no hidden state depends: the pooler's, and a key's bias, which is the same for all scores of a row.
    idle: tuple = ()
    #: Whether texts have segments.
    segments: bool = False
    #: What one has to know to read the goldens.
    notes: str = ""

    @property
    def model_class(self):
        return getattr(transformers, self.model)

    @property
    def task_class(self):
        return getattr(transformers, self.task)

    def build(self, size, seed, task=False, **changes):
        """A model in float32, in evaluation mode, with the seed's weights."""
        config = self.config(size)
        for name, value in changes.items():
            setattr(config, name, value)
        model = (self.task_class if task else self.model_class)(config).eval()
        fill(model, seed)
        return model

    def load(self, folder, dtype=torch.float64, task=False):
        """A folder's model, ready to compare: no dropout, frozen, without fused kernels."""
        kind = self.task_class if task else self.model_class
        model = kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
        return model.eval().requires_grad_(False)

    def layers(self, model):
        """The layers of a bare model; ALBERT runs each of its own several times."""
        if self.model == "AlbertModel":
            return [layer for group in model.encoder.albert_layer_groups for layer in group.albert_layers]
        for path in ("encoder.layer", "transformer.layer", "encoder.block", "layers"):
            try:
                return list(model.get_submodule(path))
            except AttributeError:
                continue
        raise LookupError(f"{self.model} has its layers elsewhere")


def fill(model, seed):
    """Seeded values for every tensor, none of them 0 or 1, in the order of the names.

    Linear maps keep the size of what goes through them, so that attention is neither uniform nor a single choice.
    """
    generator = torch.Generator().manual_seed(seed)
    owners = dict(model.named_modules())
    for name, value in sorted(model.named_parameters()):
        module, _, kind = name.rpartition(".")
        owner = owners[module]
        normal = torch.randn(value.shape, generator=generator)
        if kind == "bias":
            normal = 0.2 * normal
        elif "Norm" in type(owner).__name__:
            normal = 1 + 0.3 * normal
        elif isinstance(owner, torch.nn.Linear):
            normal = 0.9 / owner.in_features**0.5 * normal
        elif "relative_attention_bias" not in module:
            normal = 0.7 * normal
        value.data.copy_(normal)


BERT_LAYER = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
BERT = dict(targets=["query", "value"], every_target=BERT_LAYER, idle=("pooler", "key.bias"))
ALBERT = dict(
    model="AlbertModel", task="AlbertForSequenceClassification", segments=True, targets=["query", "value"],
    every_target=["query", "key", "value", "attention.dense", "ffn", "ffn_output"], idle=("pooler", "key.bias"),
)  # fmt: skip


def roberta(config):
    """RoBERTa and its like count positions from the padding token's id + 1."""
    return lambda size: config(
        **size.bert(
            max_position_embeddings=size.longest + 2, type_vocab_size=1, layer_norm_eps=1e-5,
            pad_token_id=1, bos_token_id=0, eos_token_id=2,
        )
    )  # fmt: skip


def distilbert(size):
    return DistilBertConfig(
        dim=size.hidden, n_layers=size.layers, n_heads=size.heads, hidden_dim=size.intermediate,
        vocab_size=size.vocabulary, max_position_embeddings=size.longest,
    )  # fmt: skip


def mpnet(size):
    return MPNetConfig(
        hidden_size=size.hidden, num_hidden_layers=size.layers, num_attention_heads=size.heads,
        intermediate_size=size.intermediate, vocab_size=size.vocabulary,
        max_position_embeddings=size.longest + 2, layer_norm_eps=1e-5,
    )  # fmt: skip


def deberta_v3(size):
    """As microsoft/deberta-v3-base: keys of positions from the layer's own maps, logarithmic buckets, no positions below."""
    return DebertaV2Config(
        **size.bert(
            type_vocab_size=0, layer_norm_eps=1e-7, relative_attention=True, max_relative_positions=-1,
            position_buckets=max(16, size.hidden // 4), norm_rel_ebd="layer_norm", share_att_key=True,
            pos_att_type="p2c|c2p", position_biased_input=False,
            pooler_hidden_size=size.hidden, pooler_dropout=0, pooler_hidden_act="gelu",
        )
    )  # fmt: skip


def deberta_v2(size):
    """The other choices: maps of positions for themselves, plain distances, absolute positions and segments below."""
    return DebertaV2Config(
        **size.bert(
            layer_norm_eps=1e-7, relative_attention=True, max_relative_positions=24, share_att_key=False,
            pos_att_type=["c2p", "p2c"], position_biased_input=True, pooler_hidden_size=size.hidden,
        )
    )  # fmt: skip


def modernbert(size):
    return ModernBertConfig(
        hidden_size=size.hidden, num_hidden_layers=size.layers, num_attention_heads=size.heads,
        intermediate_size=size.intermediate, vocab_size=size.vocabulary, max_position_embeddings=size.longest,
        global_attn_every_n_layers=2 if size.layers < 4 else 3, local_attention=10,
        global_rope_theta=160000.0, local_rope_theta=10000.0,
        pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2,
    )  # fmt: skip


def t5(**changes):
    """`d_kv` is not the hidden size divided by the heads."""
    return lambda size: T5Config(
        d_model=size.hidden, d_kv=max(6, size.hidden // size.heads // 2 + 1), d_ff=size.intermediate,
        num_layers=size.layers, num_decoder_layers=1, num_heads=size.heads, vocab_size=size.vocabulary,
        decoder_start_token_id=0, **changes,
    )  # fmt: skip


#: T5 has task models of other kinds; this one is what its checkpoints on the Hub are.
T5 = dict(model="T5EncoderModel", targets=["q", "v"], task="T5ForConditionalGeneration")
DEBERTA = dict(
    model="DebertaV2Model", task="DebertaV2ForSequenceClassification", targets=["query_proj", "value_proj"],
    every_target=["query_proj", "key_proj", "value_proj", "attention.output.dense", "intermediate.dense", "output.dense"],
)  # fmt: skip

#: By the names of the fixtures' folders.
FAMILIES = {
    "bert": Family(
        model="BertModel", task="BertForSequenceClassification", segments=True, **BERT,
        config=lambda size: BertConfig(**size.bert()),
    ),
    "distilbert": Family(
        model="DistilBertModel", task="DistilBertForSequenceClassification", config=distilbert,
        targets=["q_lin", "v_lin"], every_target=["q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"],
        idle=("k_lin.bias",),
    ),
    "roberta": Family(
        model="RobertaModel", task="RobertaForSequenceClassification", config=roberta(RobertaConfig), **BERT
    ),
    "xlm-roberta": Family(
        model="XLMRobertaModel", task="XLMRobertaForSequenceClassification", config=roberta(XLMRobertaConfig), **BERT
    ),
    "camembert": Family(
        model="CamembertModel", task="CamembertForSequenceClassification", config=roberta(CamembertConfig), **BERT
    ),
    "mpnet": Family(
        model="MPNetModel", task="MPNetForSequenceClassification", config=mpnet, targets=["q", "v"],
        every_target=["q", "k", "v", "o", "intermediate.dense", "output.dense"], idle=("pooler", "k.bias"),
    ),
    "electra": Family(
        model="ElectraModel", task="ElectraForSequenceClassification", segments=True, **BERT,
        config=lambda size: ElectraConfig(**size.bert(embedding_size=size.embedding)),
    ),
    "electra-wide": Family(
        model="ElectraModel", task="ElectraForSequenceClassification", segments=True, **BERT,
        config=lambda size: ElectraConfig(**size.bert(embedding_size=size.hidden)),
        notes="embedding_size is hidden_size, as in ELECTRA-base: there is no projection of embeddings.",
    ),
    "albert": Family(
        config=lambda size: AlbertConfig(**size.bert(embedding_size=size.embedding)), **ALBERT,
        notes="All layers are one module: PEFT wraps its maps once, so one adapter acts in every call of the layer, and "
        "its gradient is the sum over the calls.",
    ),
    "albert-groups": Family(
        config=lambda size: AlbertConfig(**size.bert(embedding_size=size.embedding), num_hidden_groups=2),
        **ALBERT,
        notes="Two layers for three calls: the first is called twice, then the second once.",
    ),
    "deberta-v3": Family(
        config=deberta_v3, **DEBERTA,
        notes="share_att_key: the relative positions go through query_proj and key_proj too, and so through their "
        "adapters; a gradient has both parts. The bias of key_proj matters, by the position-to-content scores.",
    ),
    "deberta-v2": Family(config=deberta_v2, segments=True, idle=("pos_key_proj.bias",), **DEBERTA),
    "modernbert": Family(
        model="ModernBertModel", task="ModernBertForSequenceClassification", config=modernbert,
        targets=["Wqkv"], every_target=["Wqkv", "Wo", "Wi"],
        notes="Cosines and sines of the rotation are float32 in transformers whatever the model's type: an angle is a "
        "float32 product of position and frequency. The softmax is float32 too.",
    ),
    "t5": Family(
        config=t5(feed_forward_proj="gated-gelu", tie_word_embeddings=False), **T5,
        every_target=["q", "k", "v", "o", "wi_0", "wi_1", "wo"],
        notes="As T5 1.1. transformers takes mean squares and the softmax in float32 whatever the model's type.",
    ),
    "t5-relu": Family(
        config=t5(feed_forward_proj="relu"), **T5, every_target=["q", "k", "v", "o", "wi", "wo"],
        notes="As the first T5. transformers takes mean squares and the softmax in float32 whatever the model's type.",
    ),
}  # fmt: skip
