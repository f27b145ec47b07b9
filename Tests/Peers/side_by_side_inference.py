"""Embeds the same real texts with PyTorch, ONNX Runtime and graft in turn, and prints tokens per second and closeness.

Every side takes its turn in each round; the median over rounds counts. On all sides the time is that of embedding all texts in
one call, from text to normalized vectors: cutting into tokens is included on all of them, loading on none. Tokens are real
ones, as the tokenizer counts them, never padding. The peers run as `peer_embed.py` says, each in a process of its own that waits
while others work; graft is measured by `graft benchmark --only inference`. Cosines are to the embeddings of transformers in
float32.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from turns import BINARY, HERE, markdown, medians, ratios, run, sample

KINDS = ["transformers float32", "transformers bfloat16", "sentence-transformers float32", "sentence-transformers bfloat16"]
KINDS += ["ONNX Runtime float32", "ONNX Runtime int8"]
PRECISIONS = ["float32", "bfloat16", "int8"]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an encoder folder")
    parser.add_argument("data", help="texts, .jsonl")
    parser.add_argument("--peers", default=",".join(KINDS), help="which peers (default: all)")
    parser.add_argument("--precision", default=",".join(PRECISIONS), help="graft's, one or several (default: all)")
    parser.add_argument("--pairs", type=int, default=5, help="how often each side runs")
    parser.add_argument("--limit", type=int, default=128, help="embed this many rows, drawn once")
    parser.add_argument("--max-tokens", type=int, default=256, help="the peers cut texts so; graft, as the model folder says")
    parser.add_argument("--onnx", type=Path, help="keep the exported ONNX files in this folder")
    parser.add_argument("--rows", type=Path, help="also write each run's figures here, one JSON object a line")
    parser.add_argument("--graft", type=Path, default=BINARY, help="the binary (default: .build/release/graft)")
    o = parser.parse_args()
    o.peers = [peer for peer in o.peers.split(",") if peer]
    if wrong := [peer for peer in o.peers if peer not in KINDS]:
        parser.error(f"there is no peer '{wrong[0]}'; there are {', '.join(KINDS)}")
    o.precisions = o.precision.split(",")
    return o


class Peer:
    """A running `peer_embed.py`."""

    def __init__(self, o, kind, texts, folder):
        words = [sys.executable, HERE / "peer_embed.py", o.model, texts, "--kind", kind, "--max-tokens", o.max_tokens]
        words += ["--folder", folder]
        self.kind = kind
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.tokens = self.answer()["tokens"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.kind}: ended with exit code {self.process.wait()}")
        return json.loads(line)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.answer()

    def turn(self):
        seconds, one = self.ask("pass")["seconds"], self.ask("one")["seconds"]
        return {"side": self.kind, "tokens_per_second": self.tokens / seconds, "one_sentence_ms": 1000 * one}

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def graft_turn(o, precision, texts, tokens):
    line = ["--model", o.model, "--data", texts, "--limit", 10**9, "--only", "inference", "--seconds", 0, "--precision", precision]
    result, _ = run(o.graft, "benchmark", *line, "--json", "--quiet")
    batches = {batch["kind"]: batch for batch in result["inference"]}
    found = batches["as_they_are"]["tokens"]
    if tokens is not None and found != tokens:
        raise SystemExit(f"graft reads {found} tokens of these texts, the peers {tokens}: the folder cuts elsewhere")
    return {
        "side": f"graft {precision}",
        "tokens_per_second": batches["as_they_are"]["tokens_per_second"],
        "one_sentence_ms": 1000 * batches["one_short"]["seconds"],
        "tokenizing_share": batches["as_they_are"]["tokenizing_seconds"] / batches["as_they_are"]["seconds"],
    }


def graft_embeddings(o, precision, texts, path):
    with open(path, "w", encoding="utf-8") as output:
        line = [o.graft, "embed", "--model", o.model, "--input", texts, "--precision", precision, "--quiet"]
        subprocess.run([str(word) for word in line], stdout=output, check=True)


def cosines(reference, paths):
    """Mean and least cosine of each side's vectors to the reference's, computed in a process of its own for the same reason
    as everything else is: this one stays small."""
    script = """
import json, sys, numpy
def vectors(path):
    if path.endswith(".npy"): return numpy.load(path)
    return numpy.array([json.loads(line)["embedding"] for line in open(path, encoding="utf-8")])
reference, *paths = sys.argv[1:]
expected = vectors(reference)
for path in paths:
    found = vectors(path)
    c = (found * expected).sum(1) / numpy.linalg.norm(found, axis=1) / numpy.linalg.norm(expected, axis=1)
    print(json.dumps([float(c.mean()), float(c.min())]))
"""
    words = [sys.executable, "-c", script, str(reference), *map(str, paths)]
    out = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def main():
    o = options()
    rows, saved = [], {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        texts = sample(o.data, o.limit, folder)
        onnx = o.onnx or folder
        onnx.mkdir(parents=True, exist_ok=True)
        peers = [Peer(o, kind, texts, onnx) for kind in o.peers]
        tokens = peers[0].tokens if peers else None
        for _ in range(o.pairs):
            turns = [peer.turn for peer in peers]
            turns += [lambda precision=precision: graft_turn(o, precision, texts, tokens) for precision in o.precisions]
            for turn in turns:
                rows.append(turn())
                print(json.dumps(rows[-1]), flush=True)
        for peer in peers:
            saved[peer.kind] = folder / f"{len(saved)}.npy"
            peer.ask(f"save {saved[peer.kind]}")
            peer.end()
        for precision in o.precisions:
            saved[f"graft {precision}"] = folder / f"{precision}.jsonl"
            graft_embeddings(o, precision, texts, saved[f"graft {precision}"])
        reference = next((s for s in ("transformers float32", "graft float32") if s in saved), None)
        closeness = dict(zip(saved, cosines(saved[reference], saved.values()))) if reference else {}
    if o.rows:
        o.rows.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    speed, one = medians(rows, "tokens_per_second"), medians(rows, "one_sentence_ms")
    lines = []
    for side in speed:
        mean, least = closeness.get(side, (float("nan"),) * 2)
        lines.append([side, f"{speed[side]:,.0f}", f"{one[side]:.2f}", f"{mean:.5f}", f"{least:.5f}"])
    header = ["", "tokens/s", "one sentence, ms", f"cosine to {reference}, mean", "least"]
    print(f"\n{tokens or 0:,} tokens in {o.limit} texts\n\n{markdown(header, lines, 'lrrrr')}")
    if peers:
        print(f"\ntokens/s, graft as a multiple of the others:\n\n{ratios(speed)}")


if __name__ == "__main__":
    main()
