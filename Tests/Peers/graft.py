"""Runs the `graft` binary for the comparisons, and says how close two results are."""

import json
import subprocess
import tempfile
from pathlib import Path

import torch

BINARY = Path(__file__).resolve().parents[2] / ".build" / "release" / "graft"
GOAL = 1e-5


def add_options(parser):
    parser.add_argument("--graft", type=Path, default=BINARY, help="the binary (default: .build/release/graft)")


def read_rows(path, limit=None):
    """All rows, or `limit` of them from places spread over the file, which may be sorted by label."""
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return rows[:: max(1, len(rows) // limit)][:limit] if limit else rows


def write_rows(path, rows):
    Path(path).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


class Graft:
    def __init__(self, binary):
        self.binary = binary

    def run(self, *arguments):
        """The command's standard output; its progress and errors go where ours go."""
        command = [str(argument) for argument in (self.binary, *arguments)]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, encoding="utf-8").stdout

    def answers(self, command, model, texts, *options):
        """One JSON object for each text, in order, computed in float32."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "texts.jsonl"
            write_rows(file, [{"text": text} for text in texts])
            out = self.run(command, "--model", model, *options, "--input", file, "--precision", "float32", "--quiet")
        answers = [json.loads(line) for line in out.splitlines()]
        if [answer["text"] for answer in answers] != texts:
            raise SystemExit(f"graft {command}: {len(answers)} answers do not follow the {len(texts)} texts")
        return answers

    def embed(self, model, texts, adapter=None, options=()):
        options = [*options, "--adapter", adapter] if adapter else options
        return torch.tensor([answer["embedding"] for answer in self.answers("embed", model, texts, *options)])

    def predict(self, model, texts, adapter):
        """Label probabilities, one dictionary a text."""
        return [answer["scores"] for answer in self.answers("predict", model, texts, "--adapter", adapter)]


class Report:
    """Prints each comparison; the script fails at the end if one missed its goal.

    A goal is absolute, and relative to the largest value where that is above 1, as in hidden states that are not normalized.
    """

    def __init__(self):
        self.missed = 0

    def compare(self, name, found, expected, goal=GOAL):
        if found.shape != expected.shape:
            raise SystemExit(f"{name}: shape {tuple(found.shape)}, expected {tuple(expected.shape)}")
        difference = (found.double() - expected.double()).abs().max().item()
        largest = expected.abs().max().item()
        reached = difference <= goal * max(1, largest)  # false for NaN
        self.missed += not reached
        figures = f"largest difference {difference:.2e} of values up to {largest:.2f}, goal {goal:.0e}"
        print(f"{name}: {len(found)} texts, {figures}: {'ok' if reached else 'MISSED'}", flush=True)

    def within(self, name, share, goal=GOAL):
        """Compares a largest difference, given as a share of the largest number of what is compared."""
        share = float(share)
        reached = share <= goal  # false for NaN
        self.missed += not reached
        print(f"{name}: largest difference {share:.2e} of the largest number, goal {goal:.0e}: {'ok' if reached else 'MISSED'}", flush=True)

    def finish(self):
        raise SystemExit(1 if self.missed else 0)
