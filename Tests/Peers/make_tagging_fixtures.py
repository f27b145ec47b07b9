"""Makes Tests/Fixtures/tagging: PEFT's TOKEN_CLS logits, losses and gradients on the tiny encoder; scores of seqeval."""

import json
import random
import warnings
from importlib.metadata import version

import tokenizers
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from seqeval.metrics import accuracy_score, classification_report, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from transformers import AutoModelForTokenClassification, AutoTokenizer

from fixtures import VERSIONS, integers, run, write_json, write_tensors
from make_lora_fixtures import CONFIGURATIONS
from tiny_encoder import FOLDER, packed, padded

VERSIONS.update({"tokenizers": tokenizers.__version__, "seqeval": version("seqeval")})

TAGS = ["O", "B-person", "B-team", "I-person", "I-team"]
#: Words that are one token, several, and none (a zero-width space), and some that hold white space or special tokens.
SENTENCES = [
    ("The coach of New York United won .", "O O O B-team I-team I-team O O"),
    ("goal", "O"),
    ("Ünal Zohrab-Meyer and Xu !", "B-person I-person O B-person O"),
    ("it was \u200b great [SEP] for\u00a0all Kapoor's fans", "O O O O O O B-person O"),
    ("I-team begins without B : Rangers", "O O O O O I-team"),
    ("shares fell - by 3.5% - at http://bank.co/a_b today", "O O O O O O O B-team O"),
]


def make(root):
    """Makes Tests/Fixtures/tagging."""
    write_json(root / "versions.json", VERSIONS)
    for seed, name in enumerate(["query-value", "all-targets"]):
        make_gradients(root / f"{name}.safetensors", CONFIGURATIONS[name], 20 + seed)
    cases = ",\n".join(json.dumps(case) for case in entity_cases())
    (root / "entities.json").write_text(f'{{"versions": {json.dumps(VERSIONS)}, "cases": [\n{cases}\n]}}\n')


# MARK: Token classification


def make_gradients(path, configuration, seed):
    generator = torch.Generator().manual_seed(seed)
    model = AutoModelForTokenClassification.from_pretrained(
        FOLDER, num_labels=len(TAGS), dtype=torch.float64, attn_implementation="eager"
    )
    model = get_peft_model(
        model, LoraConfig(task_type="TOKEN_CLS", **configuration), autocast_adapter_dtype=False
    ).eval()
    values = get_peft_model_state_dict(model)
    for name in sorted(values):
        scale = 0.3 if "classifier" in name else 0.1
        # Exact in float32, as they are stored.
        values[name].copy_((scale * torch.randn(values[name].shape, generator=generator)).double())

    rows, labels = aligned()
    longest = max(map(len, rows))
    inputs = padded(rows) | {"labels": torch.tensor([row + [-100] * (longest - len(row)) for row in labels])}
    result = model(**inputs)
    result.loss.backward()
    gradients = {
        name.replace(".default", "").replace(".modules_to_save", ""): value.grad
        for name, value in model.named_parameters()
        if value.requires_grad
    }
    tensors = {short(name): value.float() for name, value in values.items()}
    tensors |= packed(rows) | {"labels": integers([label for row in labels for label in row])}
    tensors["logits"] = torch.cat([result.logits[i, : len(row)] for i, row in enumerate(rows)])
    tensors["loss"] = result.loss.reshape(1)
    tensors |= {f"gradient.{short(name)}": value for name, value in gradients.items()}
    sentences = [{"tokens": words.split(" "), "tags": tags.split()} for words, tags in SENTENCES]
    write_tensors(path, tensors, configuration=configuration, tags=TAGS, sentences={"rows": sentences})


def short(name):
    """The name on the bare encoder, where the head is called so."""
    return name.replace("base_model.model.bert.", "base_model.model.").replace("base_model.model.classifier", "head")


def aligned():
    """Token ids, and labels as transformers' token classification example aligns them: the first token of each word."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    rows, labels = [], []
    for words, tags in SENTENCES:
        encoding = tokenizer(words.split(" "), is_split_into_words=True)
        previous, row = None, []
        for word in encoding.word_ids():
            row.append(-100 if word is None or word == previous else TAGS.index(tags.split()[word]))
            previous = word
        rows.append(encoding["input_ids"])
        labels.append(row)
    return rows, labels


# MARK: Entities


def entity_cases():
    source = random.Random(7)
    bio = ["O", "O", "B-per", "I-per", "B-geo-loc", "I-geo-loc"]
    iobes = ["O", "O", "B-per", "I-per", "E-per", "S-per", "B-org", "I-org", "E-org", "S-org"]
    untyped = ["O", "B", "I", "E", "S", "B-x", "I-x"]
    for name, tags in {"BIO": bio, "IOBES": iobes, "both": bio + iobes, "untyped": untyped}.items():
        for share in (0, 0.1, 0.3, 1):
            for number in range(4):
                targets = [sequence(source, tags) for _ in range(source.randrange(1, 5))]
                predictions = [[source.choice(tags) if source.random() < share else t for t in row] for row in targets]
                yield scored(f"{name}, {share} changed, {number}", targets, predictions)
    outside = [["O", "O"], ["O"]]
    yield scored("no entity", outside, outside)
    yield scored("none predicted", [["B-x", "I-x"], ["O"]], outside)
    yield scored("none true", outside, [["B-x", "I-x"], ["O"]])
    yield scored("entities do not cross sentences", [["B-x"], ["I-x", "O"]], [["B-x"], ["B-x", "O"]])


def sequence(source, tags):
    """Half of them any tags in any order, half such that entities are whole."""
    length = source.randrange(1, 12)
    if source.random() < 0.5:
        return [source.choice(tags) for _ in range(length)]
    row = []
    while len(row) < length:
        kind = source.choice([tag[2:] for tag in tags if tag.startswith("B-")])
        row += source.choice([["O"], [f"B-{kind}"], [f"B-{kind}", f"I-{kind}"], [f"B-{kind}", f"I-{kind}", f"I-{kind}"]])
    return row


def scored(name, targets, predictions):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = classification_report(targets, predictions, output_dict=True, zero_division=0)
        types = {
            kind: [float(row["precision"]), float(row["recall"]), float(row["f1-score"]), int(row["support"])]
            for kind, row in report.items()
            if not kind.endswith(" avg")
        }
        return {
            "name": name, "targets": targets, "predictions": predictions,
            "entities": [[list(entity) for entity in get_entities(row)] for row in predictions],
            "precision": float(precision_score(targets, predictions, zero_division=0)),
            "recall": float(recall_score(targets, predictions, zero_division=0)),
            "f1": float(f1_score(targets, predictions, zero_division=0)),
            "accuracy": float(accuracy_score(targets, predictions)), "types": types,
        }  # fmt: skip


if __name__ == "__main__":
    run(make, "tagging")
