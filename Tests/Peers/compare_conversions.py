"""Opens adapters that graft converted, with the packages of those who read them, and compares every number with PEFT's folder.

    compare_conversions.py PEFT_FOLDER --gguf FILE --mlx FOLDER

GGUF is read with llama.cpp's `gguf` package, mlx's tensors with `safetensors`, the change of each weight is computed as llama.cpp
(alpha / rank · B A) and mlx (scale · (A B)ᵀ) do. Fails if a change is missing, or differs by more than --tolerance of its largest number.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

#: What the `gguf` package itself calls the maps of these families, by the architecture that a file names.
ARCHITECTURES = {"bert": gguf.MODEL_ARCH.BERT, "modern-bert": gguf.MODEL_ARCH.MODERN_BERT, "t5encoder": gguf.MODEL_ARCH.T5ENCODER}


def peft_changes(folder):
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    changes = {}
    for name, a in tensors.items():
        if not name.endswith(".lora_A.weight"):
            continue
        module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        rank = len(a)
        alpha = config.get("alpha_pattern", {}).get(module, config["lora_alpha"])
        scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
        changes[module] = scale * tensors[name.replace("lora_A", "lora_B")].astype(np.float64) @ a.astype(np.float64)
    return changes


def gguf_changes(path):
    reader = gguf.GGUFReader(path)
    text = lambda key: reader.fields[key].contents()
    assert (text("general.type"), text("adapter.type")) == ("adapter", "lora")
    names = gguf.get_tensor_name_map(ARCHITECTURES[text("general.architecture")], 64)
    alpha = text("adapter.lora.alpha")
    tensors = {t.name: np.asarray(t.data, dtype=np.float64) for t in reader.tensors}
    changes = {}
    for name, a in tensors.items():
        if name.endswith(".lora_a"):
            b = tensors[name.removesuffix("a") + "b"]
            changes[name.removesuffix(".weight.lora_a")] = (alpha / len(a) if alpha else 1) * b @ a
    return changes, lambda module: names.get_name(module)


def mlx_changes(folder):
    scale = json.loads((folder / "adapter_config.json").read_text())["lora_parameters"]["scale"]
    tensors = {name: t.astype(np.float64) for name, t in load_file(folder / "adapters.safetensors").items()}
    changes = {}
    for name, a in tensors.items():
        if name.endswith(".lora_a"):
            changes[name.removesuffix(".lora_a")] = scale * (a @ tensors[name.removesuffix("a") + "b"]).T
    return changes, lambda module: module


def compare(what, expected, found, name, tolerance):
    largest = 0
    for module, change in expected.items():
        other = found.pop(name(module))
        assert other.shape == change.shape, f"{what}: {module} is {other.shape}, expected {change.shape}"
        largest = max(largest, np.abs(other - change).max() / np.abs(change).max())
    assert not found, f"{what} has {sorted(found)} besides"
    assert largest <= tolerance, f"{what} differs by {largest} of the largest number"
    print(f"{what}: {len(expected)} maps, largest difference {largest:.2g} of the largest number")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peft", type=Path, help="the adapter as PEFT's folder")
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--mlx", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-6)
    o = parser.parse_args()
    expected = peft_changes(o.peft)
    for what, path, read in (("GGUF", o.gguf, gguf_changes), ("mlx", o.mlx, mlx_changes)):
        if path:
            compare(what, expected, *read(path), o.tolerance)


if __name__ == "__main__":
    main()
