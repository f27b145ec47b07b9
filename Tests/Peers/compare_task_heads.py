"""Compares heads of transformers' task models in PEFT's folders: trained by graft and opened by PEFT, and the other way round."""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from graft import Graft, Report, add_options, read_rows


def open_peft(model, adapter, names):
    config = AutoConfig.from_pretrained(model, **names)
    base = AutoModelForSequenceClassification.from_pretrained(model, config=config, dtype=torch.float64)
    return PeftModel.from_pretrained(base, adapter, autocast_adapter_dtype=False).double().eval()


@torch.no_grad()
def probabilities(model, tokenizer, texts):
    """What a task model says of each text on its own, labels in their order."""
    inputs = (tokenizer(text, truncation=True, max_length=64, return_tensors="pt") for text in texts)
    return torch.cat([model(**one).logits.softmax(-1) for one in inputs])


def answers(graft, labels, model, texts, adapter):
    return torch.tensor([[scores[label] for label in labels] for scores in graft.predict(model, texts, adapter)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an encoder folder")
    parser.add_argument("data", type=Path, help="a .jsonl file with a text and a label in each row")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report, rows = Graft(arguments.graft), Report(), read_rows(arguments.data)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    texts = [" ".join(row["text"].split()[:30]) for row in read_rows(arguments.data, 32)]
    training = ("--limit", 64, "--epochs", 1, "--learning-rate", 1e-3, "--max-tokens", 64, "--precision", "float32", "--quiet")
    with tempfile.TemporaryDirectory() as temporary:
        for method in ("lora", "none"):
            adapter = Path(temporary) / method
            task = ("--model", arguments.model, "--train", arguments.data, "--output", adapter, "--method", method)
            graft.run("train", *task, "--head", "transformers", *training)
            labels = json.loads((adapter / "head_config.json").read_text())["labels"]
            names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
            expected = probabilities(open_peft(arguments.model, adapter, names), tokenizer, texts)
            found = answers(graft, labels, arguments.model, texts, adapter)
            report.compare(f"graft trained, method {method}, opened by PEFT", found, expected)
        folder, adapter = write_with_peft(arguments.model, temporary, labels, names)
        expected = probabilities(open_peft(folder, adapter, names), tokenizer, texts)
        report.compare("PEFT wrote, opened by graft", answers(graft, labels, folder, texts, adapter), expected)
    report.finish()


def write_with_peft(model, temporary, labels, names):
    """A task model's folder, and an adapter on it with a head, all random, as PEFT writes it by itself."""
    folder, adapter = Path(temporary) / "task", Path(temporary) / "peft"
    torch.manual_seed(0)
    task = AutoModelForSequenceClassification.from_pretrained(model, config=AutoConfig.from_pretrained(model, **names))
    task.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    adapted = get_peft_model(task, LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value"], task_type="SEQ_CLS"))
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    adapted.save_pretrained(adapter)
    return folder, adapter


if __name__ == "__main__":
    main()
