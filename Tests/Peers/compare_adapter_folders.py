"""Compares adapter folders in both directions: graft's opened by PEFT, PEFT's opened by graft."""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModel

from graft import Graft, Report, add_options, read_rows, write_rows
from make_lora_fixtures import CONFIGURATIONS
from reference import Reference


def train_small(graft, model, data, folder):
    """One short epoch over every kind of target: enough to move each tensor."""
    rows = folder / "rows.jsonl"
    write_rows(rows, read_rows(data, 64))
    targets = "query,key,value,attentionOutput,intermediate,output"
    recipe = ["--rank", 4, "--targets", targets, "--epochs", 1, "--max-tokens", 128, "--learning-rate", 1e-3]
    graft.run("train", "--model", model, "--train", rows, "--output", folder / "trained", *recipe)
    return folder / "trained"


def compare_graft_folder(graft, report, model, adapter, texts):
    reference = Reference(model, adapter)
    plain, adapted = graft.embed(model, texts), graft.embed(model, texts, adapter)
    if torch.allclose(plain, adapted, atol=1e-4):
        raise SystemExit(f"{adapter}: the adapter changes nothing, so there is nothing to compare")
    report.compare(f"{adapter.name}, embeddings by PEFT", adapted, reference.pooled(texts, "mean", normalize=True))

    config = json.loads((adapter / "head_config.json").read_text())
    head = load_file(adapter / "head.safetensors")
    reference.longest = config.get("max_tokens", reference.longest)  # predict cuts texts where training did
    vectors = reference.pooled(texts, config["pooling"])
    expected = torch.nn.functional.linear(vectors, head["weight"].double(), head["bias"].double()).softmax(-1)
    scores = graft.predict(model, texts, adapter)
    found = torch.tensor([[score[label] for label in config["labels"]] for score in scores])
    report.compare(f"{adapter.name}, label probabilities by PEFT and the head file", found, expected)


def write_peft_folder(model, configuration, folder):
    encoder = get_peft_model(AutoModel.from_pretrained(model), LoraConfig(**configuration))
    torch.manual_seed(0)
    for value in encoder.parameters():
        if value.requires_grad:
            value.data.normal_(std=0.02)
    encoder.save_pretrained(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an encoder folder with mean pooling, normalized")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    parser.add_argument("--adapter", type=Path, action="append", help="a trained folder (default: one trained here)")
    parser.add_argument("--texts", type=int, default=64, help="how many texts to compare")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report, model = Graft(arguments.graft), Report(), arguments.model
    texts = [" ".join(row["text"].split()[:60]) for row in read_rows(arguments.data, arguments.texts)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for adapter in arguments.adapter or [train_small(graft, model, arguments.data, folder)]:
            compare_graft_folder(graft, report, model, adapter, texts)
        for name, configuration in CONFIGURATIONS.items():
            write_peft_folder(model, configuration, folder / name)
            expected = Reference(model, folder / name).pooled(texts, "mean", normalize=True)
            report.compare(f"PEFT's {name}, embeddings by graft", graft.embed(model, texts, folder / name), expected)
    report.finish()


if __name__ == "__main__":
    main()
