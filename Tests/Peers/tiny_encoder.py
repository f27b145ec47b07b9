"""The tiny BERT of the fixtures: its configuration, its seeded weights, its vocabulary, and a few labelled sentences."""

import string

import torch
from transformers import AutoModel, BertConfig

from fixtures import FIXTURES, integers

FOLDER = FIXTURES / "encoder" / "tiny-bert"
LABELS = ["sport", "business", "technology"]

#: Words of the sentences below; what is not here falls apart into letters.
WORDS = """the an not and of to in is was for on with by at as it he she they new team won match game goal player season
coach shares bank fell rose market money profit price sales phone chip fast software computer online data users play
last year good bad great film home today ##s ##ed ##ing ##er""".split()
PUNCTUATION = list(".,!?'-")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = list(string.ascii_lowercase)
VOCABULARY = SPECIAL + PUNCTUATION + LETTERS + ["##" + letter for letter in LETTERS if letter != "s"] + WORDS

SENTENCES = [
    ("The team won.", 0),
    ("Shares of the bank fell in the last year, and profit fell with it.", 1),
    ("A new phone with a fast chip", 2),
    ("Coach: a good season!", 0),
    ("Online sales rose; users play games on the new computer and the phone, he said.", 2),
    ("The market was bad for money.", 1),
    ("It was a great game for the player, she was at the goal.", 0),
    ("Software prices", 2),
    ("Ünited by data?", 2),
    ("The price of shares rose, the price of money fell.", 1),
    ("They won the match at home.", 0),
    ("Profit!", 1),
]


def tiny_config(**changes):
    return BertConfig(
        **{
            **dict(
                vocab_size=120, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
                max_position_embeddings=64, type_vocab_size=2, hidden_act="gelu", layer_norm_eps=1e-12,
                hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1, architectures=["BertModel"],
            ),
            **changes,
        }
    )  # fmt: skip


def fill(parameters, seed):
    """Seeded values for every tensor, none of them 0 or 1, in the order of the names."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in sorted(parameters):
        normal = torch.randn(value.shape, generator=generator)
        if "LayerNorm.weight" in name:
            normal = 1 + 0.2 * normal
        elif "embeddings" in name and "LayerNorm" not in name:
            normal = 0.5 * normal
        elif name.endswith("bias"):
            normal = 0.1 * normal
        else:
            normal = 0.15 * normal
        value.data.copy_(normal)


def load(**options):
    """The checked-in tiny encoder in float64, ready to compare: no dropout, frozen."""
    model = AutoModel.from_pretrained(FOLDER, dtype=torch.float64, attn_implementation="eager", **options)
    return model.eval().requires_grad_(False)


def packed(rows):
    """Rows of token ids end to end, as Graft takes them."""
    return {"tokens": integers([t for row in rows for t in row]), "lengths": integers([len(row) for row in rows])}


def padded(rows):
    """Rows of token ids as transformers takes them: padded to the longest, with a mask."""
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": mask}
