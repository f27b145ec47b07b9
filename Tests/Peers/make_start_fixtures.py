"""Makes Tests/Fixtures/starts: folders that PEFT writes of PiSSA and OLoRA, its plain LoRA of them, its EVA, its orthogonal start with
what it has drawn for it, and the decomposition in its LoftQ, on the tiny encoder."""

import os
import tempfile
from pathlib import Path

import torch
from peft import EvaConfig, LoraConfig, PeftModel, get_eva_state_dict, get_peft_model
from peft.utils.loftq_utils import _low_rank_decomposition
from transformers import AutoModel

from fixtures import VERSIONS, integers, run, write_json, write_tensors
from make_lora_fixtures import batch
from tiny_encoder import FOLDER, SENTENCES, packed, padded

QUERY_OUTPUT = dict(r=4, lora_alpha=8, target_modules=["query", "intermediate.dense", "output.dense"])
STARTS = {"pissa": QUERY_OUTPUT, "olora": QUERY_OUTPUT | {"use_rslora": True}}
# PEFT converts no DoRA to a plain one.
WITH_DORA = {name: QUERY_OUTPUT | {"use_dora": True} for name in ("pissa-dora", "olora-dora")}


def make(root):
    """Makes Tests/Fixtures/starts."""
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / "versions.json", VERSIONS)
    os.chdir(FOLDER.parent)
    rows, _ = batch(SENTENCES[:4])
    for seed, (name, configuration) in enumerate(STARTS.items()):
        write_start(root, name, configuration, 500 + seed, rows)
    for seed, (name, configuration) in enumerate(WITH_DORA.items()):
        write_dora(root, name, configuration, 510 + seed, rows)
    write_eva(root / "eva.safetensors")
    write_orthogonal(root, 520, rows)
    write_loftq(root / "loftq.safetensors")


def base(dtype=torch.float32):
    return AutoModel.from_pretrained("tiny-bert", dtype=dtype, attn_implementation="eager").eval()


def write_start(root, name, configuration, seed, rows):
    generator = torch.Generator().manual_seed(seed)
    model = get_peft_model(base(), LoraConfig(**configuration, init_lora_weights=name)).eval()
    start = hidden(model, rows)
    assert (start - hidden(base(), rows)).abs().max() < 1e-5, "a fresh adapter changes nothing"
    with tempfile.TemporaryDirectory() as folder:
        # The start has to be saved with true, or loading it would take its part out of the base again.
        model.peft_config["default"].init_lora_weights = True
        model.save_pretrained(Path(folder) / "start")
        model.peft_config["default"].init_lora_weights = name
        for parameter, value in sorted(model.named_parameters()):
            if value.requires_grad:
                value.data.add_(0.05 * torch.randn(value.shape, generator=generator))
        model.save_pretrained(root / name)
        model.save_pretrained(
            root / f"{name}-converted", path_initial_model_for_weight_conversion=str(Path(folder) / "start")
        )
    for folder in (root / name, root / f"{name}-converted"):
        (folder / "README.md").unlink()
    write_tensors(root / f"{name}.expected.safetensors", packed(rows) | {"hidden": hidden(model, rows)})
    # The plain LoRA does the same on the base as it is.
    plain = PeftModel.from_pretrained(base(), root / f"{name}-converted")
    assert (hidden(plain, rows) - hidden(model, rows)).abs().max() < 1e-4


def write_dora(root, name, configuration, seed, rows):
    generator = torch.Generator().manual_seed(seed)
    model = get_peft_model(base(), LoraConfig(**configuration, init_lora_weights=name.split("-")[0])).eval()
    assert (hidden(model, rows) - hidden(base(), rows)).abs().max() < 1e-5, "a fresh adapter changes nothing"
    for _, value in sorted(model.named_parameters()):
        if value.requires_grad:
            value.data.add_(0.05 * torch.randn(value.shape, generator=generator))
    model.save_pretrained(root / name)
    (root / name / "README.md").unlink()
    write_tensors(root / f"{name}.expected.safetensors", packed(rows) | {"hidden": hidden(model, rows)})


def hidden(model, rows):
    inputs = padded(rows)
    with torch.no_grad():
        return model(**inputs).last_hidden_state[inputs["attention_mask"].bool()].double()


def write_eva(path):
    """PEFT's components. Its random decomposition is exact where it draws as many directions as there are: 16 · 2 of 32."""
    batches = [batch(SENTENCES[start : start + 4])[0] for start in (0, 4, 8)]
    configuration = LoraConfig(
        r=8, lora_alpha=16, target_modules=["query", "value", "attention.output.dense", "intermediate.dense"],
        init_lora_weights="eva", eva_config=EvaConfig(rho=2.0, tau=0.9),
    )  # fmt: skip
    model = base()
    found = get_eva_state_dict(model, [padded(rows) for rows in batches], configuration, show_progress_bar=False)
    tensors = {name: value for name, value in found.items() if value.shape[0] > 0}
    tensors["ranks"] = integers([found[name].shape[0] for name in sorted(found)])
    for index, rows in enumerate(batches):
        tensors |= {f"{index}.{name}": value for name, value in packed(rows).items()}
    write_tensors(path, tensors, modules=sorted(found))


def write_orthogonal(root, seed, rows):
    """A folder, and what PEFT makes of the random matrices that it draws for one map."""
    draw, drawn = torch.randn, []
    generator = torch.Generator().manual_seed(seed)

    def recorded(*shape):
        drawn.append(draw(*shape, generator=generator))
        return drawn[-1]

    torch.randn = recorded
    configuration = QUERY_OUTPUT | {"layers_to_transform": [1], "target_modules": ["intermediate.dense"]}
    model = get_peft_model(base(), LoraConfig(**configuration, init_lora_weights="orthogonal")).eval()
    torch.randn = draw
    assert (hidden(model, rows) - hidden(base(), rows)).abs().max() < 1e-5, "a fresh adapter changes nothing"
    tensors = packed(rows) | {name: value.clone() for name, value in zip(["square", "inputs", "outputs"], drawn, strict=True)}
    for name, value in model.named_parameters():
        if value.requires_grad:
            tensors["a" if "lora_A" in name else "b"] = value.data.clone()
            value.data.add_(0.05 * draw(value.shape, generator=generator))
    model.save_pretrained(root / "orthogonal")
    (root / "orthogonal" / "README.md").unlink()
    write_tensors(root / "orthogonal.expected.safetensors", tensors | {"hidden": hidden(model, rows)})


def write_loftq(path):
    """The part of LoftQ that PEFT computes wherever it runs: the best adapter for what rounding has lost. Its own rounding needs CUDA, so
    that here it is to bfloat16."""
    tensors = {}
    for name, value in base(torch.float64).named_parameters():
        if name.endswith(("1.attention.self.query.weight", "1.intermediate.dense.weight", "1.output.dense.weight")):
            parts = _low_rank_decomposition(value.data - value.data.bfloat16().double(), reduced_rank=4)
            tensors[name.removesuffix(".weight")] = parts["L"] @ parts["R"]
    write_tensors(path, tensors)


if __name__ == "__main__":
    run(make, "starts")
