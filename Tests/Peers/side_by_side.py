"""Trains with PEFT and with graft in turn, the same recipe on the same rows, and prints both sides' figures.

Speeds depend on the machine and its hour, so all sides take turns within one run and the ratio of medians is what counts.
Tokens are real ones, never padding; tokens per second are the median over a run's steps, which leaves out what the first step
prepares, and then the median over runs. Before the first round each side runs once, for one step that does not count.
Accuracy is that of the last epoch on TEST, which neither side sees while training. This script loads no large package:
a child process is charged with its parent's memory at the moment it starts.

"Cores used" is processor time over wall time of the training process. Where other work holds the processors it falls well
below their number, and PyTorch, whose threads wait for each other at every product, suffers more: such a ratio is worthless.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from turns import BINARY, HERE, markdown, medians, ratios, run, sample

MODES = ["default", "best", "bf16"]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an encoder folder")
    parser.add_argument("train", help="labelled texts, .jsonl")
    parser.add_argument("test", help="labelled texts, .jsonl")
    parser.add_argument("--mode", default="default", help="PEFT's, one or several of default,best,bf16; see peft_train.py")
    parser.add_argument("--precision", help="graft's, one or several (default: bfloat16 beside bf16 alone, else float32)")
    parser.add_argument("--no-dropout", action="store_true", help="none inside the frozen encoder, on both sides")
    parser.add_argument("--pairs", type=int, default=5, help="how often each side runs")
    parser.add_argument("--no-warm-up", action="store_true", help="count the first round too, and run none before it")
    parser.add_argument("--limit", type=int, help="train on this many rows, drawn once")
    parser.add_argument("--test-limit", type=int, help="score on this many rows, drawn once")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0, help="the first round's; each further round takes the next one")
    parser.add_argument("--rows", type=Path, help="also write each run's figures here, one JSON object a line")
    parser.add_argument("--graft", type=Path, default=BINARY, help="the binary (default: .build/release/graft)")
    o = parser.parse_args()
    o.modes = o.mode.split(",")
    if wrong := [mode for mode in o.modes if mode not in MODES]:
        parser.error(f"--mode is '{wrong[0]}', expected one or several of {','.join(MODES)}")
    o.precisions = (o.precision or ("bfloat16" if o.modes == ["bf16"] else "float32")).split(",")
    return o


def recipe(o, seed, epochs):
    words = ["--epochs", epochs, "--batch-size", o.batch_size, "--max-tokens", o.max_tokens, "--rank", o.rank]
    words += ["--alpha", 2 * o.rank, "--learning-rate", o.learning_rate, "--seed", seed]
    return words + ["--no-dropout"] * o.no_dropout


def run_peft(o, mode, train, test, words):
    result, process = run(sys.executable, HERE / "peft_train.py", o.model, train, test, "--mode", mode, *words)
    return f"PEFT {mode}", result, process, result["scores"]["accuracy"]


def run_graft(o, precision, train, test, words):
    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(folder) / "adapter"
        line = ["--model", o.model, "--train", train, "--output", adapter, "--json", "--precision", precision, *words]
        line += ["--targets", "query,value", "--schedule", "linear", "--warmup", 0.1, "--weight-decay", 0.01, "--clip", 1]
        result, process = run(o.graft, "train", *line)
        line = ["--model", o.model, "--adapter", adapter, "--data", test, "--json", "--precision", precision]
        scores, _ = run(o.graft, "evaluate", *line)
    return f"graft {precision}", result, process, scores["accuracy"]


def row(seed, side, result, process, accuracy):
    kept = {key: result[key] for key in ("median_tokens_per_second", "tokens_per_second", "seconds", "trained_parameters")}
    return {"side": side, "seed": seed, **kept, "accuracy": accuracy, **process, "reported_peak": result["peak_memory_bytes"]}


def tables(rows):
    """Medians over the runs of each side, and graft's as multiples of PEFT's."""
    columns = ["median_tokens_per_second", "accuracy", "peak_memory_bytes", "seconds", "cores_used"]
    values = {column: medians(rows, column) for column in columns}
    speed, memory = values["median_tokens_per_second"], values["peak_memory_bytes"]
    lines = [
        [
            side, f"{speed[side]:,.0f}", f"{values['accuracy'][side]:.4f}", f"{memory[side] / 1e6:,.0f}",
            f"{values['seconds'][side]:.1f}", f"{values['cores_used'][side]:.2f}",
        ]
        for side in speed
    ]  # fmt: skip
    header = ["", "tokens/s", "accuracy", "peak memory, MB", "seconds in steps", "cores used"]
    # Of graft's sides, whose processes do next to nothing but train.
    used = min(cores for side, cores in values["cores_used"].items() if side.startswith("graft"))
    there = os.cpu_count()
    disturbed = [f"**Other work held the processors: graft used {used} of {there} cores. Measure again.**"]
    return "\n\n".join(
        disturbed * (used < 0.7 * there)
        + [
            markdown(header, lines, "lrrrrr"),
            "tokens/s, graft as a multiple of PEFT:\n\n" + ratios(speed),
            "peak memory, graft as a multiple of PEFT:\n\n" + ratios(memory, digits=3),
        ]
    )


def main():
    o = options()
    sides = [(run_peft, mode) for mode in o.modes] + [(run_graft, precision) for precision in o.precisions]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        train, test = sample(o.train, o.limit, folder), sample(o.test, o.test_limit, folder)
        if not o.no_warm_up:
            few = sample(train, o.batch_size, folder)
            for side, kind in sides:
                side(o, kind, few, few, recipe(o, o.seed, epochs=1))
        for pair in range(o.pairs):
            for side, kind in sides:
                rows.append(row(o.seed + pair, *side(o, kind, train, test, recipe(o, o.seed + pair, o.epochs))))
                print(json.dumps(rows[-1]), flush=True)
    if o.rows:
        o.rows.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"\n{tables(rows)}")


if __name__ == "__main__":
    main()
