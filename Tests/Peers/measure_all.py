"""Measures everything that docs/benchmarks.md says, section after section, and prints it as Markdown.

    measure_all.py DIR RESULTS              DIR as setup.sh made it; the encoder of BERT-base's shape is added to it
    measure_all.py DIR RESULTS --only training,inference
    measure_all.py DIR RESULTS --again      measures sections anew that RESULTS has already

Takes about half an hour on two cores that do nothing else. A section that is done is kept in RESULTS as tables (.md) and runs
(.jsonl), so an interrupted run goes on where it was; the summary is made of whatever is there.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from turns import BINARY, HERE, markdown, medians

TRAINING = ["{data}/bbc-train.jsonl", "{data}/bbc-test.jsonl", "--epochs", "1", "--max-tokens", "256", "--test-limit", "32"]
SPEEDS = ["float32", "bfloat16", "int8"]

#: Name: what it is, the script, its arguments. The wide encoder takes 7 times as long, so it is given fewer rows in smaller
#: batches: three steps a run, as few as have a median.
SECTIONS = {
    "training": (
        "Training with the encoder's dropout",
        "side_by_side.py",
        ["{minilm}", *TRAINING, "--limit", "96", "--mode", "default,bf16", "--precision", "bfloat16,int8"],
    ),
    "training-no-dropout": (
        "Training without the encoder's dropout",
        "side_by_side.py",
        ["{minilm}", *TRAINING, "--limit", "128", "--mode", "best,bf16", "--precision", "float32,bfloat16,int8", "--no-dropout"],
    ),
    "inference": (
        "Embedding",
        "side_by_side_inference.py",
        ["{minilm}", "{data}/bbc-test.jsonl", "--limit", "64", "--onnx", "{directory}/onnx"],
    ),
    "operations": (
        "Starting, loading, switching, merging",
        "side_by_side_operations.py",
        ["{minilm}", "{data}/bbc-test.jsonl"],
    ),
    "wide-no-dropout": (
        "768 wide, 12 layers: training without the encoder's dropout",
        "side_by_side.py",
        ["{wide}", *TRAINING, "--limit", "36", "--batch-size", "12", "--mode", "bf16", "--precision", "bfloat16,int8"]
        + ["--no-dropout", "--no-warm-up"],
    ),
    "wide-inference": (
        "768 wide, 12 layers: embedding",
        "side_by_side_inference.py",
        ["{wide}", "{data}/bbc-test.jsonl", "--limit", "24", "--onnx", "{directory}/onnx", "--precision", "bfloat16,int8"]
        + ["--peers", "transformers float32,transformers bfloat16,ONNX Runtime int8"],
    ),
    "wide-training": (
        "768 wide, 12 layers: training with the encoder's dropout",
        "side_by_side.py",
        ["{wide}", *TRAINING, "--limit", "36", "--batch-size", "12", "--mode", "default,bf16", "--precision", "bfloat16,int8"]
        + ["--no-warm-up"],
    ),
}

#: What the issue asks for: words, section, column, graft's side, the other side, the goal. A ratio of at least the goal, or for
#: memory at most.
SPEED, MEMORY = "median_tokens_per_second", "peak_memory_bytes"
GOALS = [
    ("training with dropout / PEFT default", "training", SPEED, "graft bfloat16", "PEFT default", 4.5),
    ("the same, int8", "training", SPEED, "graft int8", "PEFT default", 4.5),
    ("training with dropout / PEFT bf16", "training", SPEED, "graft bfloat16", "PEFT bf16", 3.5),
    ("the same, int8", "training", SPEED, "graft int8", "PEFT bf16", 3.5),
    ("training without, bfloat16 / PEFT bf16", "training-no-dropout", SPEED, "graft bfloat16", "PEFT bf16", 1.6),
    ("training without, int8 / PEFT bf16", "training-no-dropout", SPEED, "graft int8", "PEFT bf16", 2.5),
    ("training without, float32 / PEFT best", "training-no-dropout", SPEED, "graft float32", "PEFT best", 1.5),
    ("embedding, bfloat16 / PyTorch bf16", "inference", "tokens_per_second", "graft bfloat16", "transformers bfloat16", 1.4),
    ("embedding, int8 / ONNX Runtime int8", "inference", "tokens_per_second", "graft int8", "ONNX Runtime int8", 1.6),
    ("memory of training, bfloat16 / PEFT default", "training", MEMORY, "graft bfloat16", "PEFT default", 0.1),
    ("memory of training, int8 / PEFT default", "training", MEMORY, "graft int8", "PEFT default", 0.1),
]
WIDE = {"training": "wide-training", "training-no-dropout": "wide-no-dropout", "inference": "wide-inference"}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where setup.sh put minilm and data")
    parser.add_argument("results", type=Path, help="the folder to keep sections in")
    parser.add_argument("--only", help=f"some of {','.join(['machine', *SECTIONS])}")
    parser.add_argument("--again", action="store_true", help="measure sections that are there already")
    parser.add_argument("--pairs", type=int, default=5, help="how often each side runs")
    parser.add_argument("--graft", type=Path, default=BINARY, help="the binary (default: .build/release/graft)")
    o = parser.parse_args()
    o.sections = o.only.split(",") if o.only else ["machine", *SECTIONS]
    if wrong := [name for name in o.sections if name not in ("machine", *SECTIONS)]:
        parser.error(f"there is no section '{wrong[0]}'; there are {', '.join(['machine', *SECTIONS])}")
    return o


def places(o):
    folder = o.directory
    return {"directory": folder, "data": folder / "data", "minilm": folder / "minilm", "wide": folder / "wide"}


def stream(words, path):
    """Runs a program, shows what it prints, and gives it back."""
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True, encoding="utf-8")
    lines = []
    for line in process.stdout:
        print(line, end="", file=sys.stderr, flush=True)
        lines.append(line)
    if process.wait() != 0:
        raise SystemExit(f"{path}: {words[1]} ended with exit code {process.returncode}")
    return "".join(lines)


def measure(o, name):
    title, script, arguments = SECTIONS[name]
    here = places(o)
    if any("{wide}" in argument for argument in arguments) and not (here["wide"] / "model.safetensors").exists():
        maker = [sys.executable, HERE / "make_wide_encoder.py", here["wide"], "--tokenizer", here["minilm"]]
        subprocess.run([str(word) for word in maker], check=True)
    words = [argument.format(**here) for argument in arguments]
    rows = o.results / f"{name}.rows"
    line = [sys.executable, HERE / script, *words, "--pairs", o.pairs, "--rows", rows, "--graft", o.graft]
    start = time.perf_counter()
    output = stream(line, name)
    tables = output[output.index("\n\n") :].strip() if "\n\n" in output else output
    shown = " ".join(argument.format(directory="DIR", data="DIR/data", minilm="DIR/minilm", wide="DIR/wide") for argument in arguments)
    command = f"```sh\nDIR/venv/bin/python Tests/Peers/{script} {shown} --pairs {o.pairs}\n```"
    minutes = (time.perf_counter() - start) / 60
    (o.results / f"{name}.md").write_text(f"## {title}\n\n{command}\n\n{tables}\n\n({minutes:.1f} minutes)\n", encoding="utf-8")
    rows.replace(o.results / f"{name}.jsonl")


def measure_machine(o):
    """What graft says about itself: shares of the machine's ceilings, and threads."""
    here = places(o)
    lines, records, ceilings = [], [], {}
    for precision in SPEEDS:
        words = ["benchmark", "--model", here["minilm"], "--data", here["data"] / "bbc-train.jsonl", "--precision", precision]
        words += ["--only", "ceilings,inference,training", "--no-dropout", "--seconds", 5, "--json", "--quiet"]
        report = json.loads(stream([o.graft, *words], "machine"))
        records.append(report)
        ceilings = {c["precision"]: c for c in report["ceilings"]}
        training = report["training"]
        single = training["tokens_per_second_on_one_thread"]
        lines.append(
            [
                precision,
                f"{training['tokens_per_second']:,.0f}",
                f"{training['tokens_per_second'] / single:.2f}" if single else "",
                f"{100 * training['share_of_ceiling']:.0f} %",
                f"{100 * training['share_of_bfloat16_ceiling']:.0f} %",
                f"{report['peak_memory_bytes']['training'] / 1e6:,.0f}",
            ]
        )
    header = ["", "tokens/s", "times one thread", "of its own ceiling", "of the bfloat16 ceiling", "peak memory, MB"]
    text = ", ".join(f"{c['all_threads'] / 1e9:,.0f} {p}" for p, c in ceilings.items())
    command = "graft benchmark --model DIR/minilm --data DIR/data/bbc-train.jsonl --precision … --only ceilings,inference,training"
    (o.results / "machine.md").write_text(
        f"## A training step and the machine's ceilings\n\n```sh\n{command} --no-dropout --seconds 5\n```\n\n"
        f"Ceilings on {records[0]['threads']} threads, 10⁹ operations/s: {text}.\n\n{markdown(header, lines, 'lrrrrr')}\n",
        encoding="utf-8",
    )
    (o.results / "machine.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")


def ratio(o, section, column, ours, theirs):
    path = o.results / f"{section}.jsonl"
    if not path.exists():
        return None
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    values = medians([row for row in rows if column in row], column)
    return values[ours] / values[theirs] if ours in values and theirs in values else None


def summary(o):
    """The table of the issue, as far as it is measured."""
    lines = []

    def add(words, found, goal, at_most=False, digits=2):
        if found is None:
            return
        reached = found <= goal if at_most else found >= goal
        sign = "at most" if at_most else "at least"
        lines.append([words, f"{found:.{digits}f}", f"{sign} {goal:.{digits}f}", "yes" if reached else "no"])

    for words, section, column, ours, theirs, goal in GOALS:
        add(words, ratio(o, section, column, ours, theirs), goal, column == MEMORY, 3 if column == MEMORY else 2)
    for words, section, column, ours, theirs, goal in GOALS:
        if section in WIDE:
            at_most = column == MEMORY
            goal = goal * 1.15 if at_most else goal * 0.85
            found = ratio(o, WIDE[section], column, ours, theirs)
            add(f"768 wide: {words}", found, goal, at_most, 3 if at_most else 2)
    machine = o.results / "machine.jsonl"
    if machine.exists():
        for line in machine.read_text(encoding="utf-8").splitlines():
            report = json.loads(line)
            add(f"share of the bfloat16 ceiling, {report['precision']}", report["training"]["share_of_bfloat16_ceiling"], 0.7)
    return markdown(["", "graft / peer", "goal", "reached"], lines, "lrrl")


def main():
    o = options()
    o.results.mkdir(parents=True, exist_ok=True)
    for name in o.sections:
        if (o.results / f"{name}.jsonl").exists() and not o.again:
            print(f"{name}: is there already; --again measures it anew", file=sys.stderr)
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        measure_machine(o) if name == "machine" else measure(o, name)
    texts = [(o.results / f"{name}.md") for name in ["machine", *SECTIONS]]
    print("\n".join([summary(o), "", *(path.read_text(encoding="utf-8") for path in texts if path.exists())]))


if __name__ == "__main__":
    main()
