"""Trains with PEFT and with graft in turn, the same recipe on the same rows, and prints both sides' figures.

Speeds depend on the machine and its hour, so the two take turns within one run and the ratio of medians is what counts.
Accuracy is that of the last epoch on TEST, which neither side sees while training. This script loads no large package:
a child process is charged with its parent's memory at the moment it starts.

"Cores used" is processor time over wall time of the training process. Where other work holds the processors it falls well
below their number, and PyTorch, whose threads wait for each other at every product, suffers more: such a ratio is worthless.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARY = HERE.parents[1] / ".build" / "release" / "graft"


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an encoder folder")
    parser.add_argument("train", help="labelled texts, .jsonl")
    parser.add_argument("test", help="labelled texts, .jsonl")
    parser.add_argument("--mode", choices=["default", "best", "bf16"], default="default", help="PEFT's; see peft_train.py")
    parser.add_argument("--precision", help="graft's (default: bfloat16 beside bf16, else float32)")
    parser.add_argument("--no-dropout", action="store_true", help="none inside the frozen encoder, on both sides")
    parser.add_argument("--pairs", type=int, default=3, help="how often each side runs")
    parser.add_argument("--limit", type=int, help="train on this many rows, drawn once")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0, help="the first pair's; each further pair takes the next one")
    parser.add_argument("--rows", type=Path, help="also write each run's figures here, one JSON object a line")
    parser.add_argument("--graft", type=Path, default=BINARY, help="the binary (default: .build/release/graft)")
    return parser.parse_args()


def run(*command):
    """The last line of standard output as JSON, the process's own peak memory in bytes, and the cores it kept busy."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        cores = (usage.ru_utime + usage.ru_stime) / (time.perf_counter() - start)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{command[0]}: exit code {process.returncode}")
        output.seek(0)
        result = json.loads(output.read().splitlines()[-1])
    process_figures = {
        "peak_memory_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "cores_used": round(cores, 2),
    }
    return result, process_figures


def recipe(o, seed):
    words = ["--epochs", o.epochs, "--batch-size", o.batch_size, "--max-tokens", o.max_tokens, "--rank", o.rank]
    words += ["--alpha", 2 * o.rank, "--learning-rate", o.learning_rate, "--seed", seed]
    return words + ["--no-dropout"] * o.no_dropout


def run_peft(o, train, seed):
    result, process = run(sys.executable, HERE / "peft_train.py", o.model, train, o.test, "--mode", o.mode, *recipe(o, seed))
    return row("PEFT", seed, result, process, result["scores"]["accuracy"])


def run_graft(o, train, seed):
    precision = ["--precision", o.precision or ("bfloat16" if o.mode == "bf16" else "float32")]
    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(folder) / "adapter"
        words = ["--model", o.model, "--train", train, "--output", adapter, "--json", *precision, *recipe(o, seed)]
        words += ["--targets", "query,value", "--schedule", "linear", "--warmup", 0.1, "--weight-decay", 0.01, "--clip", 1]
        result, process = run(o.graft, "train", *words)
        scores, _ = run(o.graft, "evaluate", "--model", o.model, "--adapter", adapter, "--data", o.test, "--json", *precision)
    return row("graft", seed, result, process, scores["accuracy"])


def row(side, seed, result, process, accuracy):
    kept = {key: result[key] for key in ("tokens_per_second", "seconds", "trained_parameters")}
    return {"side": side, "seed": seed, **kept, "accuracy": accuracy, **process, "reported_peak": result["peak_memory_bytes"]}


def table(rows):
    """Medians over the runs of each side, and graft's as a multiple of PEFT's."""
    columns = ["tokens_per_second", "accuracy", "peak_memory_bytes", "seconds", "cores_used"]
    median = {
        side: [statistics.median(r[column] for r in rows if r["side"] == side) for column in columns]
        for side in ("PEFT", "graft")
    }
    lines = ["| | tokens/s | accuracy | peak memory, MB | seconds in steps | cores used |"]
    lines += ["| --- " * 6 + "|"]
    for side, (speed, accuracy, peak, seconds, cores) in median.items():
        lines.append(f"| {side} | {speed:,.0f} | {accuracy:.4f} | {peak / 1e6:,.0f} | {seconds:.1f} | {cores:.2f} |")
    speed, accuracy, peak, seconds, _ = (a / b for a, b in zip(median["graft"], median["PEFT"]))
    lines.append(f"| graft / PEFT | {speed:.2f} | {accuracy:.3f} | {peak:.3f} | {seconds:.2f} | |")
    return "\n".join(lines)


def main():
    o = options()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        train = Path(o.train)
        if o.limit:
            lines = train.read_text(encoding="utf-8").splitlines(keepends=True)
            train = Path(folder) / train.name
            train.write_text("".join(random.Random(0).sample(lines, o.limit)), encoding="utf-8")
        for pair in range(o.pairs):
            for side in (run_peft, run_graft):
                rows.append(side(o, train, o.seed + pair))
                print(json.dumps(rows[-1]), flush=True)
    if o.rows:
        o.rows.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"\n{table(rows)}")


if __name__ == "__main__":
    main()
