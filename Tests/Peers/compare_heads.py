"""Compares the heads of transformers' task models: answered by graft, trained on by graft, merged and opened by transformers."""

import argparse
import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from graft import Graft, Report, add_options, read_rows


@torch.no_grad()
def probabilities(folder, texts):
    """What transformers' task model says of each text on its own, labels in their order."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float64).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    longest = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    inputs = (tokenizer(text, truncation=True, max_length=longest, return_tensors="pt") for text in texts)
    return torch.cat([model(**one).logits.softmax(-1) for one in inputs])


def answers(graft, labels, model, texts, *options):
    found = graft.answers("predict", model, texts, *options)
    return torch.tensor([[answer["scores"][label] for label in labels] for answer in found])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an encoder folder")
    parser.add_argument("data", type=Path, help="a .jsonl file with a text and a label in each row")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report, rows = Graft(arguments.graft), Report(), read_rows(arguments.data)
    labels = sorted({row["label"] for row in rows})
    texts = [row["text"] for row in read_rows(arguments.data, 32)]
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    with tempfile.TemporaryDirectory() as temporary:
        task, adapter, merged = (Path(temporary) / name for name in ("task", "adapter", "merged"))
        torch.manual_seed(0)
        config = AutoConfig.from_pretrained(arguments.model, **names)
        model = AutoModelForSequenceClassification.from_pretrained(arguments.model, config=config)
        for name, parameter in model.named_parameters():
            if name.startswith("classifier") and parameter.shape[0] == len(labels):
                torch.nn.init.normal_(parameter, std=0.5)
        model.save_pretrained(task)
        AutoTokenizer.from_pretrained(arguments.model).save_pretrained(task)
        report.compare("the model's own head", answers(graft, labels, task, texts), probabilities(task, texts))
        training = ("--limit", 64, "--epochs", 1, "--learning-rate", 1e-3, "--max-tokens", 64, "--precision", "float32")
        train = ("train", "--model", task, "--train", arguments.data, "--output", adapter, "--head", "checkpoint", "--quiet")
        graft.run(*train, *training)
        graft.run("merge", "--model", task, "--adapter", adapter, "--output", merged, "--precision", "float32")
        short = [" ".join(text.split()[:30]) for text in texts]  # the adapter cuts at 64 tokens, transformers does not
        expected = probabilities(merged, short)
        report.compare("trained on, merged, by transformers", answers(graft, labels, merged, short), expected)
        found = answers(graft, labels, task, short, "--adapter", adapter)
        report.compare("trained on, beside the base", found, expected)
    report.finish()


if __name__ == "__main__":
    main()
