"""Makes Tests/Fixtures/adapterhub: adapters as AdapterHub's library writes them on the tiny encoders of Tests/Fixtures/families.

`<family>.<case>/adapter_config.json` and `adapter.safetensors` are the library's, with random weights; `golden.safetensors` has
what it computes with them, in float64: the hidden states, their gradient at the first layer's input, and that of every weight.
"""

import os
import shutil

import adapters
import torch
from adapters import (
    AutoAdapterModel,
    BnConfig,
    CompacterConfig,
    CompacterPlusPlusConfig,
    DiReftConfig,
    DoubleSeqBnConfig,
    LoReftConfig,
    NoReftConfig,
    ParBnConfig,
    SeqBnConfig,
)
from adapters.composition import Fuse
from safetensors.torch import save_file

from families import FAMILIES, Size
from fixtures import FIXTURES, VERSIONS, run, write_json, write_tensors
from make_family_fixtures import Texts

VERSIONS["adapters"] = adapters.__version__
NAME = "sst"
#: The library's interventions go wrong where a text has fewer tokens than they take: see compare_adapterhub.py.
LENGTHS = [3, 4, 7, 12]
ALL = ["bert", "roberta", "distilbert", "xlm-roberta", "electra", "albert", "deberta-v2", "deberta-v3", "t5", "modernbert"]
EACH_KIND = ["bert", "distilbert", "albert", "t5", "modernbert"]
BERT = ["bert"]

FUSED = ["bert", "distilbert", "t5"]
PARTS = {
    "news": SeqBnConfig(reduction_factor=5),
    "films": SeqBnConfig(reduction_factor=4, non_linearity="gelu", scaling=2.0),
}
CASES = {
    "houlsby": (ALL, DoubleSeqBnConfig(reduction_factor=5)),
    "pfeiffer": (ALL, SeqBnConfig(reduction_factor=5)),
    "parallel": (EACH_KIND, ParBnConfig(reduction_factor=4)),
    "loreft": (EACH_KIND, LoReftConfig(prefix_positions=2, suffix_positions=2, r=2, dropout=0.0)),
    "norms": (
        BERT,
        SeqBnConfig(
            reduction_factor={"0": 4, "default": 10}, ln_before=True, ln_after=True, adapter_residual_before_ln=True,
            residual_before_ln="post_add", scaling="learned", non_linearity="gelu", leave_out=[1],
        ),
    ),
    "before": (
        BERT + ["t5"],
        BnConfig(
            mh_adapter=True, output_adapter=True, reduction_factor=5, non_linearity="gelu_new", original_ln_before=True,
            original_ln_after=False, residual_before_ln=False, ln_after=True, scaling="channel",
        ),
    ),
    "scaled-parallel": (
        BERT + ["modernbert"],
        ParBnConfig(mh_adapter=True, reduction_factor=4, scaling="learned", non_linearity="swish"),
    ),
    "compacter": (BERT, CompacterConfig(reduction_factor=5)),
    "compacter++": (BERT, CompacterPlusPlusConfig(reduction_factor=2.5)),
    "compacter-own": (
        BERT, CompacterPlusPlusConfig(reduction_factor=5, shared_phm_rule=False, factorized_phm_rule=True, phm_rank=2)
    ),
    "compacter-shared": (
        BERT, CompacterPlusPlusConfig(reduction_factor=5, shared_W_phm=True, factorized_phm_rule=True, phm_dim=2)
    ),
    "compacter-whole": (
        BERT, CompacterConfig(reduction_factor=5, shared_phm_rule=False, factorized_phm_W=False, phm_bias=False)
    ),
    "loreft-tied": (BERT, LoReftConfig(prefix_positions=1, suffix_positions=3, r=3, tied_weights=True, layers=[0, 2], dropout=0.0)),
    "noreft": (BERT, NoReftConfig(prefix_positions=3, r=2, non_linearity="gelu", dropout=0.0)),
    "direft": (BERT, DiReftConfig(prefix_positions=1, suffix_positions=2, dropout=0.0)),
}  # fmt: skip


def make(root):
    """Makes Tests/Fixtures/adapterhub."""
    write_json(root / "versions.json", VERSIONS)
    os.chdir(FIXTURES / "families")  # so that adapters name their base by its folder, not by a path
    seed = 0
    for case, (families, configuration) in CASES.items():
        for name in families:
            seed += 10
            make_case(name, FAMILIES[name], case, configuration, root / f"{name}.{case}", seed)
    for name in FUSED:
        seed += 10
        make_fusion(name, FAMILIES[name], root / f"{name}.fusion", seed)


def make_case(name, family, case, configuration, folder, seed):
    model = load(family, name, case, torch.float32)
    torch.manual_seed(seed)
    model.add_adapter(NAME, config=configuration)
    model.train_adapter(NAME)
    fill(model, seed)
    save(model, folder)
    if case == "direft":
        # The library forgets to write the field, and to read it: it opens the folder only over such an adapter.
        edit(folder / "adapter_config.json", lambda fields: fields["config"].__setitem__("subtract_projection", False))
    model = load(family, name, case, torch.float64)
    if case == "direft":
        model.add_adapter(NAME, config=configuration)
    adapted = open_adapter(model, folder)
    texts = Texts(LENGTHS, family, Size(longest=16), seed + 1)
    plain, _ = texts.run(family, family.load(name))
    # The library makes zeros of the default type where there are no such tokens.
    torch.set_default_dtype(torch.float64)
    states, dx = texts.run(family, adapted.base_model)
    torch.set_default_dtype(torch.float32)
    assert (states[-1] - plain[-1]).abs().max() > 0.1, f"{name}, {case}: the adapter changes too little"
    golden = texts.tensors | {"last": states[-1], "dx": dx}
    for parameter, value in adapted.named_parameters():
        if value.requires_grad and is_own(parameter) and not is_idle(configuration, parameter):
            assert value.grad is not None and value.grad.abs().max() > 1e-5, f"{name}, {case}: {parameter} has no gradient"
            golden[f"gradient.{parameter}"] = value.grad
    write_tensors(folder / "golden.safetensors", golden, seed=seed, family=name)


def make_fusion(name, family, folder, seed):
    """Two bottlenecks of other shapes, and attention over them."""
    folder.mkdir(parents=True, exist_ok=True)
    model = initialized(family.load(name, torch.float32))
    torch.manual_seed(seed)
    for adapter, configuration in PARTS.items():
        model.add_adapter(adapter, config=configuration)
    fuse = Fuse(*PARTS)
    model.add_adapter_fusion(fuse, "dynamic")
    generator = torch.Generator().manual_seed(seed)
    for key, value in sorted(model.named_parameters()):
        if any(f".{adapter}." in key for adapter in PARTS):
            value.data.copy_(0.4 * torch.randn(value.shape, generator=generator))
        elif "adapter_fusion_layer" in key:
            value.data.copy_(value.data + 0.15 * torch.randn(value.shape, generator=generator))
    for adapter in PARTS:
        model.save_adapter(folder / adapter, adapter, with_head=False, use_safetensors=True)
    model.save_adapter_fusion(folder, fuse, use_safetensors=True)
    for card in folder.rglob("README.md"):
        card.unlink()

    model = initialized(family.load(name))
    for adapter in PARTS:
        model.load_adapter(str(folder / adapter), use_safetensors=True)
    model.load_adapter_fusion(str(folder), use_safetensors=True, set_active=True)
    model.train_adapter_fusion(fuse)
    model = model.double().eval()
    texts = Texts(LENGTHS, family, Size(longest=16), seed + 1)
    states, dx = texts.run(family, model)
    golden = texts.tensors | {"last": states[-1], "dx": dx}
    for parameter, value in model.named_parameters():
        if value.requires_grad:
            assert "adapter_fusion_layer" in parameter, parameter
            golden[f"gradient.{parameter}"] = value.grad
    write_tensors(folder / "golden.safetensors", golden, seed=seed, family=name, regularization=float(model.get_fusion_regularization_loss()))


def is_idle(configuration, parameter):
    """Whether it is of a unit for tokens that nobody takes."""
    return "units.1" in parameter and not configuration.suffix_positions


def is_own(parameter):
    """Whether it is one of the adapter's."""
    return f".{NAME}." in parameter


def fill(model, seed):
    """Random weights; what has to be orthogonal, or a sign, stays so."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in sorted(model.named_parameters()):
        if not value.requires_grad or f".{NAME}." not in name:
            continue
        normal = torch.randn(value.shape, generator=generator)
        if name.endswith("original"):
            # The rows' signs: one of them is turned.
            signs = torch.tensor([(-1.0) ** (i + 1) for i in range(len(value))])
            value.data.copy_(0.3 * normal.triu(1) + torch.eye(*value.shape) * signs[:, None])
        elif name.endswith("scaling") or "norm" in name and name.endswith("weight") or name.endswith("down.0.weight") and value.dim() == 1:
            value.data.copy_(1 + 0.3 * normal)
        else:
            value.data.copy_(0.4 * normal)


def save(model, folder):
    folder.mkdir(parents=True, exist_ok=True)
    try:
        model.save_adapter(folder, NAME, with_head=False, use_safetensors=True)
    except RuntimeError:
        # A norm before the way down has two names, which the library cannot write into safetensors.
        state = {k: v.clone() for k, v in model.state_dict().items() if f".{NAME}." in k}
        save_file(state, folder / "adapter.safetensors")
    if (folder / "README.md").exists():
        (folder / "README.md").unlink()


def load(family, name, case, dtype):
    """The bare model; of what adapters share the library loses the values there, so for that a model that may have heads."""
    if case.startswith("compacter"):
        model = AutoAdapterModel.from_pretrained(name, dtype=dtype, attn_implementation="eager")
        return model.eval().requires_grad_(False)
    return initialized(family.load(name, dtype))


def initialized(model):
    """The bare model with places for adapters. The library gives ModernBERT's Wqkv a random bias that it did not have."""
    before = {name: module.bias for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    adapters.init(model)
    for name, module in model.named_modules():
        if before.get(name, 0) is None and module.bias is not None:
            module.bias = None
    return model


def open_adapter(model, folder):
    """The float64 model with the folder's adapter, whose weights want gradients."""
    model.load_adapter(str(folder), use_safetensors=True, set_active=True)
    model.train_adapter(NAME)
    return model.double().eval()


def edit(path, change):
    import json

    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields, indent=2, sort_keys=True))


if __name__ == "__main__":
    run(make, "adapterhub")
