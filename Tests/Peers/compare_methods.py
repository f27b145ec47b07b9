"""Trains an adapter by every method that PEFT has too, and opens the folders with PEFT: do both give the same embeddings?"""

import argparse
import json
import tempfile
from pathlib import Path

import torch

from graft import Graft, Report, add_options, read_rows, write_rows
from reference import Reference

EVERY = "query,key,value,attentionOutput,intermediate,output"
#: Options of `graft train` for each method, with some that are not the default's.
METHODS = {
    "lora": [],
    "ia3": [],
    "vera": ["--targets", EVERY],
    "loha": ["--setting", "rank=4"],
    "lokr": ["--setting", "decompose_both=true", "--setting", "rank=4", "--targets", EVERY],
    "oft": [],
    "oft-exact": ["--setting", "exact=true", "--setting", "block_size=16"],
    "oft-constrained": ["--setting", "radius=0.05", "--setting", "share_blocks=true"],
    "boft": [],
    "ln-tuning": [],
    "bitfit": [],
    "prefix": ["--setting", "tokens=8"],
    "prefix-projected": ["--setting", "tokens=4", "--setting", "projection=true"],
    "prompt": ["--setting", "tokens=8"],
    "p-tuning": ["--setting", "tokens=3"],
}


class OwnTokens(Reference):
    """The hidden states of a text's own tokens, which stand behind those of virtual ones."""

    def states(self, texts):
        for hidden, mask in super().states(texts):
            yield hidden[:, -mask.shape[1] :], mask


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a folder of BERT with mean pooling, normalized")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    parser.add_argument("--method", action="append", help="only this (default: all)")
    parser.add_argument("--rows", type=int, default=32, help="how many rows to train on")
    parser.add_argument("--texts", type=int, default=8, help="how many texts to compare")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report, model = Graft(arguments.graft), Report(), arguments.model
    texts = [" ".join(row["text"].split()[:60]) for row in read_rows(arguments.data, arguments.texts)]
    plain = graft.embed(model, texts)
    with tempfile.TemporaryDirectory() as temporary:
        rows = Path(temporary) / "rows.jsonl"
        write_rows(rows, read_rows(arguments.data, arguments.rows))
        for name in arguments.method or METHODS:
            folder = Path(temporary) / name
            recipe = ["--method", name.split("-pro")[0].split("-exact")[0].split("-constrained")[0], *METHODS[name]]
            recipe += ["--epochs", 1, "--max-tokens", 64, "--learning-rate", 1e-2, "--quiet"]
            graft.run("train", "--model", model, "--train", rows, "--output", folder, *recipe)
            found = graft.embed(model, texts, folder)
            if (found - plain).abs().max() < 1e-3:
                raise SystemExit(f"{name}: the adapter changes nothing, so there is nothing to compare")
            kind = json.loads((folder / "adapter_config.json").read_text())["peft_type"]
            expected = OwnTokens(model, folder).pooled(texts, "mean", normalize=True)
            report.compare(f"{name} ({kind}), embeddings by PEFT", found, expected, goal=2e-5)
    report.finish()


if __name__ == "__main__":
    main()
