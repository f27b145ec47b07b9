"""Trains the real data sets with every method of adapting, and prints the table of docs/guides/methods.md.

    python3 run_methods.py GRAFT MODEL DATA RESULTS.jsonl [--only "LoRA;DoRA"] [--tasks topics,speed] [--factor 2]

GRAFT is the binary, MODEL the folder of all-MiniLM-L6-v2, DATA the folder with bbc-800-0.jsonl, bbc-test.jsonl,
movieReviewSnippets-{train,test}.jsonl and ner-{train,test}.jsonl. Each run is one `graft train`, seed 0, the head at
1e-2; nothing but Graft runs. Each run's figures are a line of RESULTS; what stands there is not run again.

`speed` is no data set: every method trains in turn on the same 256 texts, three times over; its speed is the median of real tokens a
second over the steps, as a ratio to that of LoRA in the same turn, so it does not matter much how fast the machine is at that time.
It wants a machine that does nothing else, the scores do not.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from methods import METHODS

DATA = {
    "topics": ["bbc-800-0.jsonl", "bbc-test.jsonl", "--max-tokens", "128", "--epochs", "3"],
    "sentiment": ["movieReviewSnippets-train.jsonl", "movieReviewSnippets-test.jsonl", "--max-tokens", "64",
                  "--epochs", "2", "--limit", "3000"],
    "entities": ["ner-train.jsonl", "ner-test.jsonl", "--max-tokens", "128", "--epochs", "5"],
}
SPEED = ["--max-tokens", "128", "--epochs", "1", "--limit", "256", "--feature-cache", "off"]
BESIDE = "LoRA, rank 8, query and value"


def train(o, train_file, output, *line):
    command = [o.graft, "train", "--model", o.model, "--train", os.path.join(o.data, train_file),
               "--output", output, "--json", "--quiet", *line]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {run.stderr}")
    return json.loads(run.stdout.strip().splitlines()[-1])


def score(o, name, task, folder):
    flags, rate = METHODS[name]
    train_file, evaluation, *line = DATA[task]
    rates = ["--learning-rate", "1e-2"] if rate is None else [
        "--learning-rate", str(rate * o.factor), "--head-learning-rate", "1e-2"]
    report = train(o, train_file, folder, "--eval", os.path.join(o.data, evaluation), *line, *flags, *rates)
    scores = report["scores"]
    weights = sum(path.stat().st_size for path in Path(folder).rglob("*.safetensors"))
    return dict(score=scores.get("entity_f1", scores.get("accuracy")), rate=rates[1],
                parameters=report["trained_parameters"], bytes=weights)


def speed(o, name, folder):
    train(o, "bbc-train.jsonl", folder, *SPEED, *METHODS[name][0])
    rows = [json.loads(line) for line in Path(folder, "metrics.jsonl").read_text().splitlines()]
    # The first steps pack weights.
    steps = [row for row in rows if row["event"] == "step"][2:]
    return statistics.median(row["tokens"] / row["seconds"] for row in steps)


def speeds(o, names):
    found = {name: [] for name in names}
    for _ in range(3):
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(speed(o, name, os.path.join(folder, "adapter")))
    for name in names:
        ratio = statistics.median(own / lora for own, lora in zip(found[name], found[BESIDE]))
        yield dict(method=name, task="speed", score=ratio, tokens_per_second=statistics.median(found[name]))


def table(rows, tasks):
    print("\n| method | " + " | ".join(tasks) + " | trained numbers | bytes |")
    print("| --- |" + " ---: |" * (len(tasks) + 2))
    for name in METHODS:
        cells = {row["task"]: row for row in rows if row["method"] == name}
        if any(task not in cells for task in tasks):
            continue
        size = next((cells[task] for task in tasks if "bytes" in cells[task]), {"parameters": 0, "bytes": 0})
        scores = [f"{cells[task]['score']:.{2 if task == 'speed' else 4}f}" for task in tasks]
        print(f"| {name} | {' | '.join(scores)} | {size['parameters']:,} | {size['bytes']:,} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("results", type=Path, help="each run's figures, one JSON object a line")
    parser.add_argument("--only", default="", help="methods whose names have one of these, with ; between them")
    parser.add_argument("--tasks", default="topics,sentiment,entities,speed")
    parser.add_argument("--factor", type=float, default=1.0, help="what all rates are multiplied by, to see if they suit")
    o = parser.parse_args()
    tasks = o.tasks.split(",")
    names = [name for name in METHODS if not o.only or any(part in name for part in o.only.split(";"))]
    rows = [json.loads(line) for line in o.results.read_text().splitlines()] if o.results.exists() else []

    def keep(row):
        rows.append(row)
        with open(o.results, "a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{row['method']:32} {row['task']:10} {row['score']:.4f}", flush=True)

    done = {(row["method"], row["task"]) for row in rows}
    for task in tasks:
        wanted = [name for name in names if (name, task) not in done]
        if task == "speed":
            for row in speeds(o, list(dict.fromkeys([BESIDE, *wanted]))) if wanted else []:
                keep(row)
            continue
        for name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                keep(dict(method=name, task=task, **score(o, name, task, os.path.join(folder, "adapter"))))
    table(rows, tasks)


if __name__ == "__main__":
    main()
