"""Makes Tests/Fixtures/heads: task models of transformers, their logits, and the gradients of their heads."""

import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, BertTokenizerFast

from fixtures import VERSIONS, integers, run, write_json, write_tensors
from tiny_encoder import FOLDER, fill, packed

LENGTHS = [2, 5, 9, 14]
SHARED = dict(vocab_size=120, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24)
TOPICS = {"id2label": {0: "sport", 1: "business", 2: "technology"}, "label2id": {"sport": 0, "business": 1, "technology": 2}}
TAGS = {"id2label": {0: "O", 1: "B-team", 2: "I-team"}, "label2id": {"O": 0, "B-team": 1, "I-team": 2}}
POSITIONS = {"max_position_embeddings": 40}
ROBERTA = {"max_position_embeddings": 42, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
DISTILBERT = dict(vocab_size=120, dim=16, n_layers=1, n_heads=2, hidden_dim=24, max_position_embeddings=40)
MODERNBERT = {
    **SHARED, **POSITIONS, "pad_token_id": 3, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2,
    "reference_compile": False, "local_attention": 8,
}  # fmt: skip
DEBERTA = {
    **SHARED, **POSITIONS, "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm",
    "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0,
    "pooler_hidden_size": 16, "pooler_dropout": 0.1, "pooler_hidden_act": "gelu",
}  # fmt: skip

#: Several labels at once, and a number: transformers takes the loss by what the configuration says.
SEVERAL = {"problem_type": "multi_label_classification"}
NUMBER = {"id2label": {0: "LABEL_0"}, "label2id": {"LABEL_0": 0}}

#: folder: the start of the classes' name, the configuration, whether it tells texts or tokens
MODELS = {
    "bert": ("Bert", SHARED | POSITIONS, True),
    "bert-labels": ("Bert", SHARED | POSITIONS | SEVERAL, True),
    "bert-number": ("Bert", SHARED | POSITIONS | NUMBER, True),
    "bert-tokens": ("Bert", SHARED | POSITIONS, False),
    "distilbert": ("DistilBert", DISTILBERT, True),
    "distilbert-tokens": ("DistilBert", DISTILBERT, False),
    "roberta": ("Roberta", SHARED | ROBERTA, True),
    "roberta-tokens": ("Roberta", SHARED | ROBERTA, False),
    "xlm-roberta": ("XLMRoberta", SHARED | ROBERTA, True),
    "electra": ("Electra", SHARED | POSITIONS | {"embedding_size": 12}, True),
    "mpnet": ("MPNet", SHARED | {"max_position_embeddings": 42}, True),
    "albert": ("Albert", SHARED | POSITIONS | {"embedding_size": 12}, True),
    "deberta-v2": ("DebertaV2", DEBERTA, True),
    "modernbert": ("ModernBert", MODERNBERT | {"classifier_bias": True, "norm_bias": True}, True),
    "modernbert-mean": ("ModernBert", MODERNBERT | {"classifier_pooling": "mean"}, True),
    "modernbert-tokens": ("ModernBert", MODERNBERT, False),
}


def make(root):
    """Makes Tests/Fixtures/heads."""
    write_json(root / "versions.json", VERSIONS)
    for name, (start, settings, is_of_texts) in MODELS.items():
        make_model(root / name, start, settings, is_of_texts)
    tokenizer = BertTokenizerFast(vocab_file=str(FOLDER / "vocab.txt"), do_lower_case=True, model_max_length=40)
    for name in ("bert", "bert-tokens"):
        tokenizer.save_pretrained(root / name)
        (root / name / "vocab.txt").unlink()


def make_model(folder, start, settings, is_of_texts):
    labels = TOPICS if is_of_texts else TAGS
    kind = "SequenceClassification" if is_of_texts else "TokenClassification"
    config = getattr(transformers, f"{start}Config")(**(labels | settings))
    model = getattr(transformers, f"{start}For{kind}")(config)
    fill(model.named_parameters(), seed=7)
    model.save_pretrained(folder)

    auto = AutoModelForSequenceClassification if is_of_texts else AutoModelForTokenClassification
    model = auto.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(11)
    rows = [torch.randint(5, 120, (length,), generator=generator).tolist() for length in LENGTHS]
    logits = torch.cat([model(torch.tensor([row])).logits.reshape(-1, config.num_labels) for row in rows])
    if config.problem_type or config.num_labels == 1:
        # The model's own loss of each text, whose mean is that of all.
        targets = [[(i >> label) % 2 for label in range(3)] for i in range(1, 5)] if config.problem_type else [0.5, -1, 2, 1.25]
        losses = [
            model(torch.tensor([row]), labels=torch.tensor([target]).double()).loss for row, target in zip(rows, targets)
        ]
        loss, labels = torch.stack(losses).mean(), {"answers": torch.tensor(targets).float()}
    else:
        targets = [i % 3 for i in range(len(LENGTHS))] if is_of_texts else [(-100, 0, 1, 2)[i % 4] for i in range(sum(LENGTHS))]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(targets), ignore_index=-100)
        labels = {"labels": integers(targets)}
    bare = model.base_model
    heads = {n: p for n, p in model.named_parameters() if "pooler" in n or not any(p is q for q in bare.parameters())}
    gradients = torch.autograd.grad(loss, list(heads.values()))
    write_tensors(
        folder.parent / f"{folder.name}.safetensors",
        packed(rows) | labels | {"logits": logits, "loss": loss.reshape(1)}
        | {f"gradient.{n}": g for n, g in zip(heads, gradients)},
    )  # fmt: skip


if __name__ == "__main__":
    run(make, "heads")
