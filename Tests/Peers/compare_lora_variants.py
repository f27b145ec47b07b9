"""Opens adapter folders that graft trained, in all that LoRA comes in, with PEFT, and compares the embeddings.

    python3 compare_lora_variants.py MODEL DATA.jsonl [--graft BINARY]
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch

from graft import Graft, Report, add_options, read_rows, write_rows
from reference import Reference

#: Options of `graft train` by what they make.
VARIANTS = {
    "dora on all linear maps": ["--method", "dora", "--targets", "all-linear"],
    "dora with dropout, rank-stabilized": ["--method", "dora", "--adapter-dropout", 0.1, "--setting", "rank_stabilized=true"],
    "a bias behind B": ["--setting", "lora_bias=true"],
    "biases of the adapted maps": ["--setting", "bias=lora_only", "--targets", "query,output"],
    "LoRA-FA": ["--method", "lora-fa"],
    "tables": ["--targets", "words,positions,query"],
    "dora on tables": ["--method", "dora", "--targets", "words,query"],
    "tokens": ["--setting", "tokens=[2023,2003,1037]"],
    "a regular expression": ["--targets", r".*\.[02]\.attention.*", "--exclude", "key"],
    "some layers": ["--targets", "query,value", "--layers", "1-2"],
}  # fmt: skip
PARTS = {
    "method": "lora", "rank": 4, "alpha": 8, "targets": ["query", "value"],
    "parts": [{"layers": "0-1"}, {"layers": [2], "targets": "all-linear", "rank": 6, "alpha": 20, "dropout": 0.1}],
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an encoder folder with mean pooling, normalized")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    parser.add_argument("--variant", action="append", choices=[*VARIANTS, "parts"], help="only this (default: all)")
    add_options(parser)
    arguments = parser.parse_args()
    wanted = arguments.variant or [*VARIANTS, "parts"]
    graft, report = Graft(arguments.graft), Report()
    texts = [" ".join(row["text"].split()[:60]) for row in read_rows(arguments.data, 32)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = folder / "rows.jsonl"
        write_rows(rows, read_rows(arguments.data, 64))
        plain = graft.embed(arguments.model, texts)
        for number, variant in enumerate(name for name in VARIANTS if name in wanted):
            output = folder / str(number)
            common = ["--rank", 4, "--epochs", 1, "--max-tokens", 64, "--learning-rate", 3e-3, "--quiet", *VARIANTS[variant]]
            graft.run("train", "--model", arguments.model, "--train", rows, "--output", output, *common)
            compare(graft, report, arguments.model, variant, output, texts, plain)
        if "parts" in wanted:
            recipe = {
                "model": str(arguments.model), "output": "parts", "max_tokens": 64,
                "tasks": {"topics": {"train": "rows.jsonl", "adapter": PARTS}},
                "stages": [{"train": ["heads", "adapters"], "epochs": 1, "learning_rate": {"heads": 1e-3, "adapters": 3e-3}}],
            }  # fmt: skip
            (folder / "recipe.json").write_text(json.dumps(recipe))
            graft.run("train", "--recipe", folder / "recipe.json", "--quiet")
            compare(graft, report, arguments.model, "parts", folder / "parts" / "topics", texts, plain)
    report.finish()


def compare(graft, report, model, variant, adapter, texts, plain):
    adapted = graft.embed(model, texts, adapter)
    if torch.allclose(plain, adapted, atol=1e-4):
        raise SystemExit(f"{variant}: the adapter changes nothing, so there is nothing to compare")
    expected = Reference(model, adapter).pooled(texts, "mean", normalize=True)
    report.compare(f"{variant}, embeddings by PEFT", adapted, expected)


if __name__ == "__main__":
    main()
