"""Writes Tests/Fixtures/safetensors: files by the reference library, to be read, and written again byte for byte.

usage: python make_safetensors_fixtures.py     (needs safetensors, numpy and torch)

Every file has at most one metadata entry: the reference library's order of several changes from run to run.
"""
import json
import math
import platform
from pathlib import Path

import numpy
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

out = Path(__file__).resolve().parent.parent / "Fixtures" / "safetensors"
out.mkdir(parents=True, exist_ok=True)

# Halfway cases, subnormals, the edges of the 16-bit ranges, infinities and NaN.
edges = [0.0, -0.0, 1.0, -1.5, 1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-8, 1 + 3 * 2**-8, 2**-14, 2**-14 - 2**-25, 2**-24,
         2**-25, 2**-25 * (1 + 2**-20), 3 * 2**-25, 2**-26, 65504.0, 65519.99, 65520.0, 1e38, -3.3961775e38, 2**-126,
         2**-133, 2**-149, math.pi, -math.e, 1 / 3, math.inf, -math.inf, math.nan]


def every_type():
    f32 = torch.tensor(edges, dtype=torch.float32)
    tensors = {
        "f32": f32,
        "f16": f32.to(torch.float16),
        "bf16": f32[:-1].to(torch.bfloat16),  # without NaN: its bits depend on which of PyTorch's code paths runs
        "f64": torch.tensor(edges, dtype=torch.float64),
        "i64": torch.tensor([-(2**63), -1, 0, 2**63 - 1]),
        "i32": torch.tensor([[-(2**31), -1], [0, 2**31 - 1]], dtype=torch.int32),
        "i16": torch.tensor([-(2**15), -1, 0, 2**15 - 1], dtype=torch.int16),
        "i8": torch.tensor([-128, -1, 0, 127], dtype=torch.int8),
        "u8": torch.tensor([0, 1, 255], dtype=torch.uint8),
        "bool": torch.tensor([[[True], [False], [True]]]),
    }
    safetensors.torch.save_file(tensors, out / "every-type.safetensors", metadata={"format": "pt"})


def names_and_shapes():
    names = ["a", "B", "b.weight", "a.b", "é", "日本", "\U0001f600", "\ufffd", 'quo"te', "back\\slash", "tab\t", "\n\r\b\f",
             "\x01\x1f\x7f", "\u2028", "sla/sh", ""]
    tensors = {name: numpy.full((i % 3, 2), i, numpy.float32) for i, name in enumerate(names)}
    tensors["scalar"] = numpy.array(7.5, numpy.float64)
    tensors["one"] = numpy.array([3], numpy.int16)
    tensors["no rows"] = numpy.zeros((0, 5), numpy.int64)
    tensors["no columns"] = numpy.zeros((3, 0, 2), numpy.float16)
    safetensors.numpy.save_file(
        tensors, out / "names-and-shapes.safetensors", metadata={'ke"y': "va\\lue \"é\" \n \x02 日本 \U0001f600"})


def small():
    safetensors.numpy.save_file({}, out / "no-tensors.safetensors", metadata={"format": "pt"})
    safetensors.numpy.save_file(
        {"weight": numpy.arange(6, dtype=numpy.float32).reshape(2, 3)}, out / "no-metadata.safetensors")


def rounded_once():
    """float64 to float16 in one rounding (numpy's), where two roundings give another number."""
    values = numpy.array([1 + 2**-11 + 2**-40, 1 + 2**-11 - 2**-40, 1 + 3 * 2**-11 - 2**-40, 2**-25 + 2**-60, 65520 - 1e-8,
                          65520.0, 1e300, -1e-300, math.inf, 1 / 3, 0.1], numpy.float64)
    with numpy.errstate(over="ignore"):
        safetensors.numpy.save_file(
            {"x64": values}, out / "rounded-once-from.safetensors", metadata={"format": "pt"})
        safetensors.numpy.save_file(
            {"x64": values.astype(numpy.float16)}, out / "rounded-once-to.safetensors", metadata={"format": "pt"})


every_type()
names_and_shapes()
small()
rounded_once()
versions = {"python": platform.python_version(), "safetensors": safetensors.__version__, "numpy": numpy.__version__,
            "torch": torch.__version__}
(out / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
