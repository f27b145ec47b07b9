"""Compares graft with transformers and PEFT on a larger random model of every family: texts of every length, adapters both ways."""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer

from compare_embeddings import texts_of_every_length
from families import FAMILIES, Size
from graft import Graft, Report, add_options, read_rows, write_rows
from reference import Reference

LONGEST = 512
#: Hidden states of random models are not normalized: what pooling says of every token, and what one token says.
POOLINGS = {"mean": "mean_tokens", "cls": "cls_token"}


def make_model(family, tokenizer, folder, seed):
    """A random model that reads the tokens of another encoder's tokenizer, so that all families get the same texts."""
    vocabulary = max(AutoTokenizer.from_pretrained(tokenizer).get_vocab().values()) + 1
    size = Size(
        hidden=192, embedding=64, heads=6, layers=5, intermediate=500, vocabulary=vocabulary, longest=LONGEST
    )
    family.build(size, seed).save_pretrained(folder)
    for name in ("tokenizer.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copyfile(tokenizer / name, folder / name)
    settings = json.loads((tokenizer / "tokenizer_config.json").read_text())
    settings |= {"model_input_names": ["input_ids", "attention_mask"], "model_max_length": LONGEST}  # no segments
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def set_pooling(folder, mode):
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    described = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(described))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": 192} | {f"pooling_mode_{key}": m == mode for m, key in POOLINGS.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    limits = {"max_seq_length": LONGEST, "do_lower_case": False}
    (folder / "sentence_bert_config.json").write_text(json.dumps(limits))


def compare_states(graft, report, name, folder, texts):
    """Every length, all in one call, so that graft packs texts of mixed lengths."""
    for mode, expected in zip(POOLINGS, Reference(folder).pooled_by(texts, POOLINGS)):
        set_pooling(folder, mode)
        report.compare(f"{name}, {mode} of hidden states, every length", graft.embed(folder, texts), expected)


def compare_trained(graft, report, name, folder, rows, texts):
    """An adapter that graft trained on its default targets, opened by PEFT."""
    data, adapter = folder / "rows.jsonl", folder / "trained"
    write_rows(data, rows)
    recipe = ["--rank", 4, "--epochs", 1, "--max-tokens", 64, "--learning-rate", 1e-2, "--precision", "float32"]
    graft.run("train", "--model", folder, "--train", data, "--output", adapter, "--quiet", *recipe)
    compare_adapter(graft, report, f"{name}, adapter by graft opened by PEFT", folder, adapter, texts)


def compare_peft(graft, report, name, family, folder, texts):
    """An adapter that PEFT wrote on every linear map, opened by graft."""
    adapter = folder / "peft"
    torch.manual_seed(0)
    model = get_peft_model(family.load(folder, torch.float32), LoraConfig(r=4, target_modules=family.every_target))
    for value in model.parameters():
        if value.requires_grad:
            value.data.normal_(std=0.05)
    model.save_pretrained(adapter)
    compare_adapter(graft, report, f"{name}, adapter by PEFT opened by graft", folder, adapter, texts)


def compare_adapter(graft, report, title, folder, adapter, texts):
    expected, plain = Reference(folder, adapter).pooled(texts, "mean"), Reference(folder).pooled(texts, "mean")
    if torch.allclose(expected, plain, atol=1e-3):
        raise SystemExit(f"{title}: the adapter changes nothing, so there is nothing to compare")
    set_pooling(folder, "mean")
    report.compare(title, graft.embed(folder, texts, adapter), expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer", type=Path, help="an encoder folder: its tokenizer is used, not its weights")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="only these (default: all)")
    parser.add_argument("--step", type=int, default=1, help="take every STEP-th length only")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report = Graft(arguments.graft), Report()
    rows = read_rows(arguments.data, 64)
    for seed, name in enumerate(arguments.family or FAMILIES):
        family = FAMILIES[name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            make_model(family, arguments.tokenizer, folder, seed)
            texts = texts_of_every_length(Reference(folder), rows, arguments.step)
            compare_states(graft, report, name, folder, texts)
            some = texts[:: max(1, len(texts) // 32)]
            compare_trained(graft, report, name, folder, rows, some)
            compare_peft(graft, report, name, family, folder, some)
    report.finish()


if __name__ == "__main__":
    main()
