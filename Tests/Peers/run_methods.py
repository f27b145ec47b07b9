"""Trains the real data sets with every method of adapting, and prints the table of docs/guides/methods.md.

    python3 run_methods.py GRAFT MODEL DATA [--only lora,ia3] [--tasks topics] [--results FILE.jsonl]

GRAFT is the binary, MODEL the folder of all-MiniLM-L6-v2, DATA the folder with bbc-800-0.jsonl, bbc-test.jsonl,
movieReviewSnippets-{train,test}.jsonl and ner-{train,test}.jsonl. Each run is one `graft train`, seed 0, the head at
1e-2; nothing but Graft runs. Times are those of the processor, all cores together.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile

DATA = {
    "topics": ["bbc-800-0.jsonl", "bbc-test.jsonl", "--max-tokens", "128", "--epochs", "3"],
    "sentiment": ["movieReviewSnippets-train.jsonl", "movieReviewSnippets-test.jsonl", "--max-tokens", "64",
                  "--epochs", "2", "--limit", "3000"],
    "entities": ["ner-train.jsonl", "ner-test.jsonl", "--max-tokens", "128", "--epochs", "5"],
}
# Each method, as the table calls it, with its flags and a rate that suits it: vectors and what is multiplied need more.
METHODS = {
    "head alone": (["--method", "none"], None),
    "LoRA, rank 8, query and value": (["--method", "lora"], 1e-3),
    "LoRA, rank 16, every map": (["--method", "lora", "--rank", "16", "--alpha", "32", "--targets", "EVERY"], 2e-3),
    "rsLoRA, rank 16, every map": (["--method", "lora", "--rank", "16", "--setting", "rank_stabilized=true",
                                    "--targets", "EVERY"], 1e-3),
}
METHODS_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "methods.json")
EVERY = "query,key,value,attentionOutput,intermediate,output"


def methods():
    """The methods of the table: those above, and those of methods.json, `{"name": [["--method", …], rate]}`."""
    found = dict(METHODS)
    if os.path.exists(METHODS_FILE):
        with open(METHODS_FILE) as file:
            found.update({name: tuple(entry) for name, entry in json.load(file).items()})
    return found


def adapter_bytes(folder):
    """The bytes of the weights beside the base: adapter and head."""
    return sum(os.path.getsize(os.path.join(root, name)) for root, _, names in os.walk(folder) for name in names
               if name.endswith(".safetensors"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("graft")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--only", default="")
    parser.add_argument("--tasks", default="topics,sentiment,entities")
    parser.add_argument("--results")
    arguments = parser.parse_args()
    tasks, rows = arguments.tasks.split(","), []
    for name, (flags, rate) in methods().items():
        if arguments.only and not any(part in name for part in arguments.only.split(";")):
            continue
        for task in tasks:
            train, evaluation, *settings = DATA[task]
            with tempfile.TemporaryDirectory() as folder:
                output = os.path.join(folder, "adapter")
                command = [arguments.graft, "train", "--model", arguments.model,
                           "--train", os.path.join(arguments.data, train),
                           "--eval", os.path.join(arguments.data, evaluation), "--output", output, "--json", "--quiet",
                           *settings, *[EVERY if flag == "EVERY" else flag for flag in flags]]
                command += ["--learning-rate", "1e-2"] if rate is None else [
                    "--learning-rate", str(rate), "--head-learning-rate", "1e-2"]
                before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                run = subprocess.run(command, capture_output=True, text=True)
                if run.returncode != 0:
                    raise SystemExit(f"{name}, {task}: {run.stderr}")
                processor = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
                report = json.loads(run.stdout.strip().splitlines()[-1])
                scores = report["scores"]
                row = dict(method=name, task=task, score=scores.get("entity_f1", scores.get("accuracy")),
                           processor=processor, parameters=report["trained_parameters"], bytes=adapter_bytes(output))
            rows.append(row)
            if arguments.results:
                with open(arguments.results, "a") as file:
                    file.write(json.dumps(row) + "\n")
            print(f"{name:40} {task:10} {row['score']:.4f} {processor:7.1f} s {row['parameters']:>10,} numbers "
                  f"{row['bytes']:>10,} bytes", flush=True)
    print("\n| method | " + " | ".join(f"{task} | processor s" for task in tasks) + " | trained numbers | bytes |")
    print("| --- |" + " ---: |" * (2 * len(tasks) + 2))
    for name in methods():
        cells = {row["task"]: row for row in rows if row["method"] == name}
        if len(cells) == len(tasks):
            last = cells[tasks[-1]]
            print(f"| {name} | " + " | ".join(f"{cells[t]['score']:.4f} | {cells[t]['processor']:.0f}" for t in tasks)
                  + f" | {last['parameters']:,} | {last['bytes']:,} |")


if __name__ == "__main__":
    main()
