"""What adapters cost beside the encoder, with PEFT and with graft in turn: start, loading, switching, mixing, merging.

From process start: a process that reads the encoder and an adapter folder and answers one sentence, `graft predict` beside the least
that does the same with PEFT, files in the system's cache. The rest is measured inside a process each: PEFT's by
`peft_operations.py`, graft's by `graft benchmark --only inference,adapters`. A merge of graft's that is written is read again and
compared; PEFT's is written only.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from turns import BINARY, HERE, markdown, run, sample

NAMES = {
    "start": "process start to the answer of one sentence",
    "load": "loading an adapter",
    "swap": "switching to another adapter",
    "one_sentence": "one short sentence",
    "batch": "32 texts of 128 tokens, one adapter",
    "mixed_batch": "the same, four adapters mixed",
    **{
        f"mixture_{texts}x{tokens}_{adapters}": f"{texts} texts of {tokens} tokens, {words}"
        for texts, tokens in ((64, 128), (256, 16))
        for adapters, words in ((1, "one adapter"), (4, "4 adapters mixed"), (64, "64 adapters mixed"))
    },
    "four_tasks_32": "32 texts of 128 tokens, four tasks each",
    "four_tasks_32_upper": "the same, adapters in the upper half of the layers",
    "four_tasks_1": "one text of 16 tokens, four tasks",
    "four_tasks_1_upper": "the same, adapters in the upper half of the layers",
    "merge": "merging in memory",
    "written_merge": "merging and writing a model folder",
}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an encoder folder")
    parser.add_argument("data", help="texts, .jsonl")
    parser.add_argument("--adapter", type=Path, help="an adapter of this encoder (default: one that graft trains first)")
    parser.add_argument("--precision", default="auto", help="graft's")
    parser.add_argument("--starts", type=int, default=20, help="how often graft is started")
    parser.add_argument("--pairs", type=int, default=5, help="how often PEFT is started, and the rest is measured")
    parser.add_argument("--rows", type=Path, help="also write each run's figures here, one JSON object a line")
    parser.add_argument("--graft", type=Path, default=BINARY, help="the binary (default: .build/release/graft)")
    return parser.parse_args()


def plain(number):
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def seconds(words):
    start = time.perf_counter()
    subprocess.run([str(word) for word in words], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def graft_operations(o, texts):
    line = ["--model", o.model, "--data", texts, "--only", "inference,adapters", "--seconds", 0.3, "--precision", o.precision]
    result, _ = run(o.graft, "benchmark", *line, "--json", "--quiet")
    adapters = result["adapters"]
    found = {name: 1000 * adapters[f"{name}_seconds"] for name in NAMES if f"{name}_seconds" in adapters}
    for mixture in adapters["mixtures"]:
        name = f"mixture_{mixture['texts']}x{mixture['tokens_a_text']}_{mixture['adapters']}"
        found[name] = 1000 * mixture["seconds"]
    for figure in adapters["many_tasks"]:
        end = "_upper" if figure["lowest_layer"] else ""
        found[f"four_tasks_{figure['texts']}{end}"] = 1000 * figure["seconds"]
    return found | {"one_sentence": 1000 * result["inference"][0]["seconds"]}


def main():
    o = options()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        texts = sample(o.data, 64, folder)
        adapter = o.adapter
        if adapter is None:
            adapter = Path(folder) / "adapter"
            line = ["--model", o.model, "--train", texts, "--output", adapter, "--epochs", 1, "--max-tokens", 32, "--quiet"]
            subprocess.run([str(word) for word in (o.graft, "train", *line)], stdout=subprocess.DEVNULL, check=True)
        sentence = "The quick brown fox jumps over the lazy dog."
        graft = [o.graft, "predict", "--model", o.model, "--adapter", adapter, "--precision", o.precision, sentence]
        peft = [sys.executable, HERE / "peft_operations.py", o.model, "--adapter", adapter]
        seconds(graft), seconds(peft)  # brings the files into the cache
        for pair in range(o.pairs):
            for _ in range(-(-o.starts // o.pairs)):
                rows.append({"side": "graft", "start": 1000 * seconds(graft)})
            rows.append({"side": "PEFT", "start": 1000 * seconds(peft)})
            rows.append({"side": "graft", **graft_operations(o, texts)})
            rows.append({"side": "PEFT", **run(sys.executable, HERE / "peft_operations.py", o.model)[0]})
            print(json.dumps(rows[-4:]), flush=True)
    if o.rows:
        o.rows.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    lines = []
    for name, words in NAMES.items():
        # PEFT computes all layers for each task, wherever the adapters are.
        sides = (("graft", name), ("PEFT", name.removesuffix("_upper")))
        ours, theirs = (statistics.median(r[key] for r in rows if r["side"] == side and key in r) for side, key in sides)
        lines.append([words, plain(theirs), plain(ours), f"{theirs / ours:,.1f}"])
    print("\n" + markdown(["milliseconds, medians", "PEFT", "graft", "PEFT / graft"], lines, "lrrr"))


if __name__ == "__main__":
    main()
