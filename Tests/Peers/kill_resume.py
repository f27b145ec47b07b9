"""Kills training runs at random moments and resumes them: what they come to must not differ from a run left alone.

    kill_resume.py MODEL TRAIN EVAL [--kills 100] [--texts 240] [--graft BINARY]

Each run is `graft train --checkpoint-every 3 --resume`, started again and again until it ends by itself. Half of the kills
(SIGKILL, so nothing can be tidied up) come after a random time, half at a random moment after a file has begun to be written
beside the output: a checkpoint, or the folder itself. The files of the adapter folder are compared byte for byte, but for what says how
long things took.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from graft import add_options, read_rows, write_rows

OUTPUT = "adapter"
# These two tell times.
TIMED = {"metrics.jsonl", "report.html"}
OPTIONS = ["--max-tokens", "48", "--batch-size", "8", "--epochs", "2", "--rank", "4", "--adapter-dropout", "0.1"]
VARIANTS = {
    "adapters": [],
    "adapters in the upper layers, an average": ["--layers", "4-5", "--ema", "0.99"],
    "the head alone, evaluated on the way": ["--method", "none", "--epochs", "6", "--evaluate-every", "7"],
    "accumulated, restarts": ["--accumulate", "2", "--schedule", "cosine-restarts", "--cycles", "2"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("eval", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--texts", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    add_options(parser)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_rows(folder / "train.jsonl", read_rows(arguments.train, arguments.texts))
        write_rows(folder / "eval.jsonl", read_rows(arguments.eval, arguments.texts // 3))
        wholes = {name: Whole(arguments, folder, name, options) for name, options in VARIANTS.items()}
        kills, runs, different = 0, 0, 0
        while kills < arguments.kills:
            name = list(VARIANTS)[runs % len(VARIANTS)]
            killed, is_equal = wholes[name].killed(draw, folder / f"run-{runs}")
            kills, runs, different = kills + killed, runs + 1, different + (not is_equal)
            print(f"{kills:4} kills, {runs:3} runs, {different} different  ({name}: {killed} kills)", flush=True)
    print(f"{kills} kills at random moments in {runs} runs: {runs - different} identical results, {different} different")
    sys.exit(1 if different else 0)


class Whole:
    """A run left alone."""

    def __init__(self, arguments, folder, name, options):
        given = {word for word in options if word.startswith("--")}
        usual = [pair for pair in zip(OPTIONS[::2], OPTIONS[1::2]) if pair[0] not in given]
        if "none" in options:
            usual = [pair for pair in usual if pair[0] not in ("--rank", "--adapter-dropout")]
        data = ["--train", folder / "train.jsonl", "--eval", folder / "eval.jsonl", "--output", OUTPUT]
        words = [arguments.graft.resolve(), "train", "--model", arguments.model.resolve(), *data]
        words += [word for pair in usual for word in pair] + options
        words += ["--quiet", "--checkpoint-every", "3", "--resume"]
        self.command = [str(word) for word in words]
        whole = folder / f"whole-{name}"
        whole.mkdir()
        start = time.monotonic()
        subprocess.run(self.command, cwd=whole, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.seconds = time.monotonic() - start
        self.files = contents(whole / OUTPUT)
        print(f"{name}: {self.seconds:.1f} s, {', '.join(sorted(self.files))}", flush=True)

    def killed(self, draw, folder):
        """Runs to the end through kills; their number, and whether the result is the same."""
        folder.mkdir()
        kills = 0
        while True:
            process = subprocess.Popen(
                self.command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            stale = set(os.listdir(folder))
            if draw.random() < 0.5:
                wait(process, draw.uniform(0, self.seconds))
            else:
                wait_for_writing(process, folder, stale, skipped=draw.randrange(4))
                wait(process, draw.uniform(0, 0.004))
            process.send_signal(signal.SIGKILL)
            errors = process.communicate()[1]
            if process.returncode == 0:
                break
            if process.returncode != -signal.SIGKILL:
                raise SystemExit(f"graft train ended with {process.returncode}: {errors}")
            kills += 1
        # Whoever asks once more is told that it is done, and nothing changes.
        again = subprocess.run(self.command, cwd=folder, capture_output=True, text=True)
        names = set(os.listdir(folder))
        is_equal = contents(folder / OUTPUT) == self.files and again.returncode == 0 and "finished" in again.stderr
        if not is_equal or names != {OUTPUT}:
            print(f"DIFFERENT in {sorted(names)}: {again.returncode} {again.stderr}")
        return kills, is_equal and names == {OUTPUT}


def wait(process, seconds):
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        pass


def wait_for_writing(process, folder, stale, skipped):
    """Until a file is being written for the `skipped` + 1st time, or the process has ended."""
    last = None
    while process.poll() is None:
        partial = [name for name in os.listdir(folder) if name.endswith(".partial") and name not in stale]
        if partial and partial != last:
            last = partial
            if skipped == 0:
                return
            skipped -= 1


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in TIMED}


if __name__ == "__main__":
    main()
