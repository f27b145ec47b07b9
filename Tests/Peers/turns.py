"""Runs programs of two sides in turn and sums their figures up.

Speeds depend on the machine and its hour, so the sides take turns within one run and the ratio of medians is what counts.
Nothing here loads a large package: a child process is charged with its parent's memory at the moment it starts.
"""

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


def run(*command):
    """The last line of standard output as JSON, and the process's seconds, peak memory in bytes, and cores kept busy."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{command[0]}: exit code {process.returncode}")
        output.seek(0)
        result = json.loads(output.read().splitlines()[-1])
    figures = {
        "process_seconds": round(seconds, 4),
        "peak_memory_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "cores_used": round((usage.ru_utime + usage.ru_stime) / seconds, 2),
    }
    return result, figures


def sample(source, limit, folder):
    """A file with `limit` lines of `source`, drawn once, in `folder`; the source itself where there is no limit."""
    source = Path(source)
    if not limit:
        return source
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    path = Path(folder) / f"{limit}-{source.name}"
    path.write_text("".join(random.Random(0).sample(lines, min(limit, len(lines)))), encoding="utf-8")
    return path


def medians(rows, column):
    """The median of a column for each side, in the order in which the sides first ran."""
    sides = list(dict.fromkeys(row["side"] for row in rows))
    return {side: statistics.median(row[column] for row in rows if row["side"] == side) for side in sides}


def markdown(header, lines, alignment):
    """A table; `alignment` has an l or an r for each column."""
    rule = ["---:" if a == "r" else "---" for a in alignment]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *lines))


def ratios(values, ours="graft", digits=2):
    """graft's sides as multiples of the others: a line for each of graft's, a column for each of the others."""
    mine = [side for side in values if side.startswith(ours)]
    others = [side for side in values if not side.startswith(ours)]
    lines = [[side, *(f"{values[side] / values[other]:.{digits}f}" for other in others)] for side in mine]
    return markdown(["", *(f"/ {other}" for other in others)], lines, "l" + "r" * len(others))
