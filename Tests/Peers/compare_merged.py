"""Compares a folder that `graft merge` wrote, opened by transformers and sentence-transformers, with the adapted encoder."""

import argparse
import tempfile
from pathlib import Path

from graft import GOAL, Graft, Report, add_options, read_rows
from reference import Reference, sentence_embeddings

#: How far one rounding of the weights to the file's type may move a normalized embedding.
GOALS = {"float32": GOAL, "float16": 2e-3, "bfloat16": 2e-2}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an encoder folder with mean pooling, normalized")
    parser.add_argument("adapter", type=Path, help="an adapter folder, graft's or PEFT's")
    parser.add_argument("data", type=Path, help="a .jsonl file with a text in each row")
    parser.add_argument("--type", choices=GOALS, action="append", help="types to merge into (default: float32)")
    parser.add_argument("--texts", type=int, default=64, help="how many texts to compare")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report = Graft(arguments.graft), Report()
    texts = [" ".join(row["text"].split()[:60]) for row in read_rows(arguments.data, arguments.texts)]
    adapted = Reference(arguments.model, arguments.adapter).pooled(texts, "mean", normalize=True)
    for kind in arguments.type or ["float32"]:
        with tempfile.TemporaryDirectory() as temporary:
            merged = Path(temporary) / "merged"
            sources = ["--model", arguments.model, "--adapter", arguments.adapter]
            print(graft.run("merge", *sources, "--output", merged, "--type", kind), end="")
            goal = GOALS[kind]
            pooled = Reference(merged).pooled(texts, "mean", normalize=True)
            report.compare(f"{kind}, transformers on the merged folder", pooled, adapted, goal)
            embeddings = sentence_embeddings(merged, texts).float()
            report.compare(f"{kind}, sentence-transformers on the merged folder", embeddings, adapted, goal)
            report.compare(f"{kind}, graft on the merged folder", graft.embed(merged, texts), adapted, goal)
    report.finish()


if __name__ == "__main__":
    main()
