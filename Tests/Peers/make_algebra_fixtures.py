"""Makes Tests/Fixtures/algebra: numpy's decompositions, and what PEFT's add_weighted_adapter makes of adapters on the tiny encoder."""

import os

import numpy
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModel

from fixtures import VERSIONS, run, write_json, write_tensors
from make_lora_fixtures import batch
from tiny_encoder import FOLDER, SENTENCES, packed, padded

ADAPTERS = {
    "a": dict(r=4, lora_alpha=8, target_modules=["query", "value"]),
    "b": dict(r=4, lora_alpha=2, target_modules=["query", "value"], use_rslora=True),
    "c": dict(r=2, lora_alpha=3, target_modules=["value", "intermediate.dense"]),
}
#: Name: the adapters with their weights, and what PEFT is asked for. In all of these PEFT is right.
COMBINATIONS = {
    "cat": ({"a": 0.7, "b": 0.3}, dict(combination_type="cat")),
    "cat-negative": ({"a": 1.0, "b": -0.5}, dict(combination_type="cat")),
    "cat-ranks": ({"a": 0.7, "c": 0.6}, dict(combination_type="cat")),
    "svd": ({"a": 0.7, "b": 0.3}, dict(combination_type="svd")),
    "svd-3": ({"a": 1.0, "c": -1.5}, dict(combination_type="svd", svd_rank=3)),
    "linear": ({"a": 0.7, "b": 0.3}, dict(combination_type="linear")),
    # With the full rank the decomposition leaves nothing out, so that this is the pruned sum itself.
    "magnitude": ({"a": 0.7, "b": -0.3}, dict(combination_type="magnitude_prune_svd", svd_rank=32, density=0.3)),
    "ties": ({"a": 1.0, "b": 1.0}, dict(combination_type="ties_svd", svd_rank=32, density=0.4)),
}


def make(root):
    """Makes Tests/Fixtures/algebra."""
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / "versions.json", VERSIONS | {"numpy": numpy.__version__})
    write_tensors(root / "decompositions.safetensors", decompositions())
    os.chdir(FOLDER.parent)
    for seed, (name, configuration) in enumerate(ADAPTERS.items()):
        write_adapter(root / name, configuration, 300 + seed)
    rows, _ = batch(SENTENCES[:4])
    tensors = packed(rows)
    for name, (weights, options) in COMBINATIONS.items():
        model = combined(root, weights, options)
        tensors |= {f"{name}.{module}": delta for module, delta in deltas(model).items()}
        inputs = padded(rows)
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state
        tensors[f"{name}.hidden"] = hidden[inputs["attention_mask"].bool()]
    write_tensors(root / "combinations.safetensors", tensors)


def decompositions():
    generator = numpy.random.default_rng(5)
    normal = lambda *shape: generator.standard_normal(shape).astype(numpy.float32)
    orthogonal = numpy.linalg.qr(generator.standard_normal((7, 7)))[0]
    matrices = {
        "tall": normal(12, 5), "wide": normal(4, 9), "square": normal(8, 8), "row": normal(1, 6),
        "column": normal(6, 1), "one": normal(1, 1), "zero": numpy.zeros((5, 4), numpy.float32),
        "deficient": (normal(10, 3) @ normal(3, 6)).astype(numpy.float32),
        "repeated": (2 * orthogonal).astype(numpy.float32),
        "graded": (normal(9, 9) * (10.0 ** -numpy.arange(9))).astype(numpy.float32),
        "large": normal(70, 40),
    }  # fmt: skip
    tensors = {}
    for name, matrix in matrices.items():
        exact = matrix.astype(numpy.float64)
        u, s, vt = numpy.linalg.svd(exact, full_matrices=False)
        signs = numpy.sign(u[numpy.abs(u).argmax(axis=0), range(u.shape[1])])
        q, r = numpy.linalg.qr(exact)
        tensors |= {name: matrix, f"{name}.s": s, f"{name}.ut": (u * signs).T, f"{name}.vt": vt * signs[:, None]}
        tensors |= {f"{name}.qt": q.T, f"{name}.r": r}
    return {name: torch.from_numpy(numpy.ascontiguousarray(value)) for name, value in tensors.items()}


def write_adapter(folder, configuration, seed):
    generator = torch.Generator().manual_seed(seed)
    model = get_peft_model(base(torch.float32), LoraConfig(**configuration))
    for name, value in sorted(model.named_parameters()):
        if value.requires_grad:
            value.data.copy_(0.1 * torch.randn(value.shape, generator=generator))
    model.save_pretrained(folder)
    (folder / "README.md").unlink()


def base(dtype):
    return AutoModel.from_pretrained("tiny-bert", dtype=dtype, attn_implementation="eager")


def combined(root, weights, options):
    """The tiny encoder in float64 with the combination as its one active adapter."""
    names = list(weights)
    encoder = base(torch.float64)
    model = PeftModel.from_pretrained(encoder, root / names[0], adapter_name=names[0], autocast_adapter_dtype=False)
    for name in names[1:]:
        model.load_adapter(root / name, adapter_name=name, autocast_adapter_dtype=False)
    model = model.double()
    model.add_weighted_adapter(names, list(weights.values()), "combined", **options)
    # The new modules are in float32 unless told otherwise; what they hold was computed in float64.
    model = model.double().eval()
    model.set_adapter("combined")
    return model


def deltas(model):
    """The change of each weight by the active adapter, by the name of its module."""
    with torch.no_grad():
        return {
            name.removeprefix("base_model.model."): module.get_delta_weight("combined")
            for name, module in model.named_modules()
            if "combined" in getattr(module, "lora_A", {})
        }


if __name__ == "__main__":
    run(make, "algebra")
