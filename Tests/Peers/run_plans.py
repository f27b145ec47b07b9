"""Trains the real data sets by every plan of what is frozen and what trains, and prints the table of docs/guides/plans.md.

    python3 run_plans.py GRAFT MODEL DATA [--only heads,adapters] [--tasks topics] [--results FILE.jsonl]

GRAFT is the binary, MODEL the folder of all-MiniLM-L6-v2, DATA the folder with bbc-800-0.jsonl, bbc-test.jsonl,
movieReviewSnippets-{train,test}.jsonl and ner-{train,test}.jsonl. Each run is a recipe, seed 0; nothing but
Graft runs. Times are those of the processor, all cores together, so that what else the machine does shows less.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile

DATA = {
    "topics": dict(train="bbc-800-0.jsonl", eval="bbc-test.jsonl", max_tokens=128, epochs=3),
    "sentiment": dict(train="movieReviewSnippets-train.jsonl", eval="movieReviewSnippets-test.jsonl", max_tokens=64, epochs=2),
    "entities": dict(train="ner-train.jsonl", eval="ner-test.jsonl", max_tokens=128, epochs=5),
}

LORA = {"method": "lora", "rank": 8, "alpha": 16, "targets": ["query", "value"]}
WIDE = {"method": "lora", "rank": 16, "alpha": 32,
        "targets": ["query", "key", "value", "attentionOutput", "intermediate", "output"]}


def plans(epochs):
    """Each plan: its adapter, nil for none, and its stages."""
    both = {"heads": 1e-2, "layers": 1e-4, "norms": 1e-3, "biases": 1e-3, "embeddings": 1e-4}
    return {
        "heads": (None, [{"train": ["heads"], "epochs": 20, "learning_rate": {"heads": 1e-2}}]),
        "adapters": (LORA, [{"train": ["heads", "adapters"], "epochs": epochs}]),
        "adapters, head at ten times the rate": (LORA, [
            {"train": ["heads", "adapters"], "epochs": epochs, "learning_rate": {"heads": 1e-2, "adapters": 1e-3}}]),
        "the same, top 2 layers": (dict(LORA, layers=[4, 5]), [
            {"train": ["heads", "adapters"], "epochs": epochs, "learning_rate": {"heads": 1e-2, "adapters": 1e-3}}]),
        "adapters, all maps, rank 16": (WIDE, [
            {"train": ["heads", "adapters"], "epochs": epochs, "learning_rate": {"heads": 1e-2, "adapters": 2e-3}}]),
        "biases (BitFit)": (None, [{"train": ["heads", "biases"], "epochs": epochs, "learning_rate": both}]),
        "top layer": (None, [{"train": ["heads", "layers 5"], "epochs": epochs, "learning_rate": both}]),
        "all layers": (None, [{"train": ["heads", "layers 0-5"], "epochs": epochs, "learning_rate": both}]),
        "all layers, rates decayed by 0.8": (None, [
            {"train": ["heads", "layers 0-5"], "epochs": epochs, "learning_rate": both, "layer_decay": 0.8}]),
        "gradual: heads, adapters, top 2 layers": (LORA, [
            {"name": "heads", "train": ["heads"], "epochs": epochs, "learning_rate": {"heads": 1e-2}},
            {"name": "adapters", "train": ["heads", "adapters"], "epochs": epochs},
            {"name": "top layers", "train": ["heads", "adapters", "layers 4-5"], "epochs": epochs,
             "learning_rate": dict(both, adapters=5e-4)}]),
    }


def folder_size(folder):
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)
               if name.endswith(".safetensors"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("graft")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--only", default="")
    parser.add_argument("--tasks", default="topics,sentiment,entities")
    parser.add_argument("--results")
    arguments = parser.parse_args()
    rows = []
    for task in arguments.tasks.split(","):
        data = DATA[task]
        for name, (adapter, stages) in plans(data["epochs"]).items():
            if arguments.only and name not in arguments.only.split(";"):
                continue
            with tempfile.TemporaryDirectory() as folder:
                spec = {"train": os.path.abspath(os.path.join(arguments.data, data["train"])),
                        "eval": os.path.abspath(os.path.join(arguments.data, data["eval"]))}
                recipe = {"model": os.path.abspath(arguments.model), "output": os.path.join(folder, "out"),
                          "max_tokens": data["max_tokens"], "tasks": {task: spec}, "stages": stages}
                if adapter:
                    recipe["adapters"] = {"own": adapter}
                    spec["adapter"] = "own"
                path = os.path.join(folder, "recipe.json")
                with open(path, "w") as file:
                    json.dump(recipe, file)
                before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                run = subprocess.run([arguments.graft, "train", "--recipe", path, "--json", "--quiet"],
                                     capture_output=True, text=True)
                if run.returncode != 0:
                    raise SystemExit(f"{task}, {name}: {run.stderr}")
                processor = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
                report = json.loads(run.stdout.strip().splitlines()[-1])
                scores = report["scores"]
                score = scores.get("entity_f1", scores.get("accuracy"))
                row = dict(task=task, plan=name, score=score, seconds=report["seconds"], processor=processor,
                           parameters=report["trained_parameters"], memory=report["peak_memory_bytes"],
                           bytes=folder_size(os.path.join(folder, "out", task)),
                           stages=[(s["name"], list(s["scores"].values())[0], s["trained_parameters"], s["seconds"])
                                   for s in report.get("stages", [])])
                rows.append(row)
                if arguments.results:
                    with open(arguments.results, "a") as file:
                        file.write(json.dumps(row) + "\n")
                print(f"{task:10} {name:40} {score:.4f}  {row['seconds']:7.1f} s  {processor:7.1f} s of processor  {row['parameters']:>11,}  "
                      f"{row['bytes']:>12,} bytes  {row['stages']}", flush=True)
    print("\n| plan | " + " | ".join(f"{task} | processor s" for task in arguments.tasks.split(",")) + " | trained numbers |")
    for name in plans(1):
        cells = [row for row in rows if row["plan"] == name]
        if cells:
            print(f"| {name} | " + " | ".join(f"{row['score']:.4f} | {row['processor']:.0f}" for row in cells)
                  + f" | {cells[0]['parameters']:,} |")


if __name__ == "__main__":
    main()
