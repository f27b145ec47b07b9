"""What the fixture makers share: writing with versions, and proving that the checked-in files are current.

Inputs of a computation are stored in float32, as Swift reads them; every expected value is computed, and stored, in float64.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import peft
import safetensors
import torch
import transformers
from safetensors.torch import save_file

FIXTURES = Path(__file__).resolve().parent.parent / "Fixtures"
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
RELATIVE_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-6}

transformers.logging.set_verbosity_error()


def write_tensors(path, tensors, **metadata):
    """Writes tensors with the packages' versions; further metadata is stored as JSON text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {key: json.dumps(value, sort_keys=True) for key, value in metadata.items()}
    save_file({name: t.detach().contiguous() for name, t in tensors.items()}, path, {"format": "pt", **VERSIONS, **texts})


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def integers(values):
    return torch.tensor(values, dtype=torch.int32)


def run(make, topic):
    """The command line of every maker: writes `Tests/Fixtures/<topic>`, or with --check compares a fresh copy to it."""
    parser = argparse.ArgumentParser(description=make.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; compare with the checked-in files")
    arguments = parser.parse_args()
    torch.use_deterministic_algorithms(True)
    print(" ".join(f"{name} {version}" for name, version in VERSIONS.items()))
    if not arguments.check:
        make(FIXTURES / topic)
        print("wrote", FIXTURES / topic)
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / topic
        make(fresh)
        differences = compare_folders(fresh, FIXTURES / topic)
    print("\n".join(differences) or f"{topic}: the checked-in files are current")
    raise SystemExit(1 if differences else 0)


def compare_folders(fresh, kept):
    names = lambda folder: {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    differences = [f"{name}: only in the fresh copy" for name in names(fresh) - names(kept)]
    differences += [f"{name}: no longer made" for name in names(kept) - names(fresh)]
    for name in sorted(names(fresh) & names(kept)):
        if name.endswith(".safetensors"):
            differences += [f"{name}: {text}" for text in compare_tensors(fresh / name, kept / name)]
        elif name.endswith(".json"):
            if unordered(json.loads((fresh / name).read_text())) != unordered(json.loads((kept / name).read_text())):
                differences.append(f"{name}: differs")
        elif not name.endswith("README.md") and (fresh / name).read_bytes() != (kept / name).read_bytes():
            differences.append(f"{name}: differs")
    return differences


def compare_tensors(fresh, kept):
    with safetensors.safe_open(fresh, "pt") as a, safetensors.safe_open(kept, "pt") as b:
        if set(a.keys()) != set(b.keys()):
            return [f"other tensors: {sorted(set(a.keys()) ^ set(b.keys()))}"]
        return [text for name in a.keys() if (text := compare_tensor(name, a.get_tensor(name), b.get_tensor(name)))]


def compare_tensor(name, fresh, kept):
    if (fresh.dtype, fresh.shape) != (kept.dtype, kept.shape):
        return f"{name}: {kept.dtype} {tuple(kept.shape)} is now {fresh.dtype} {tuple(fresh.shape)}"
    difference = (fresh.double() - kept.double()).abs().max().item()
    allowed = RELATIVE_TOLERANCE.get(fresh.dtype, 0) * max(1e-3, kept.double().abs().max().item())
    return f"{name}: differs by {difference:.3g}" if difference > allowed else None


def unordered(value):
    """JSON without what may differ between equal runs: the order of lists that PEFT makes of sets, and versions."""
    if isinstance(value, dict):
        return {key: unordered(v) for key, v in value.items() if key not in VERSION_KEYS}
    if isinstance(value, list):
        return sorted((unordered(v) for v in value), key=str)
    return value


VERSION_KEYS = {"transformers_version", "peft_version", *VERSIONS}
