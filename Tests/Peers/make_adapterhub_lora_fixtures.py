"""Makes Tests/Fixtures/adapterhub-lora: LoRA, DoRA and (IA)³ as AdapterHub's library writes them on the tiny encoders of
Tests/Fixtures/families.

`<family>.<case>/adapter_config.json` and `adapter.safetensors` are the library's, with random weights; `golden.safetensors` has the
hidden states that it computes with them, in float64.
"""

import os

import torch
from adapters import IA3Config, LoRAConfig

from families import FAMILIES, Size
from fixtures import FIXTURES, run, write_json, write_tensors
from make_adapterhub_fixtures import LENGTHS, NAME, VERSIONS, load, open_adapter, save
from make_family_fixtures import Texts

PLACES = dict(attn_matrices=["q", "k", "v"], intermediate_lora=True, output_lora=True)
#: ModernBERT has one map for query, key and value, which the library calls by none of them.
IN_MODERNBERT = dict(selfattn_lora=False, intermediate_lora=True, output_lora=True)
LORA = dict(r=3, alpha=5)
#: Where the scale is 1 the lengths that the library divides by are those of the whole change.
UNSCALED = dict(r=3, alpha=3)
CASES = {
    "bert.lora": LoRAConfig(**LORA, leave_out=[1]),
    "bert.dora": LoRAConfig(**LORA, **PLACES, use_dora=True),
    "bert.dora-unscaled": LoRAConfig(**UNSCALED, use_dora=True),
    "bert.ia3": IA3Config(),
    "bert.ia3-strong": IA3Config(**PLACES, alpha=2, leave_out=[0]),
    "distilbert.ia3": IA3Config(output_lora=True),
    "distilbert.dora": LoRAConfig(**LORA, use_dora=True),
    "t5.dora": LoRAConfig(**LORA, **PLACES, use_dora=True),
    "t5.ia3": IA3Config(),
    "modernbert.dora": LoRAConfig(**LORA, **IN_MODERNBERT, use_dora=True),
}


def make(root):
    """Makes Tests/Fixtures/adapterhub-lora."""
    write_json(root / "versions.json", VERSIONS)
    os.chdir(FIXTURES / "families")  # so that adapters name their base by its folder, not by a path
    for index, (title, configuration) in enumerate(CASES.items()):
        name, case = title.split(".", 1)
        make_case(name, FAMILIES[name], case, configuration, root / title, 700 + 10 * index)


def make_case(name, family, case, configuration, folder, seed):
    model = load(family, name, case, torch.float32)
    model.add_adapter(NAME, config=configuration)
    generator = torch.Generator().manual_seed(seed)
    for key, value in sorted(model.named_parameters()):
        if f".{NAME}." in key:
            normal = torch.randn(value.shape, generator=generator)
            is_factor = key.endswith("m.weight") or value.shape[-1] == 1
            value.data.copy_(value.data * (1 + 0.3 * normal) if is_factor else 0.4 * normal)
    save(model, folder)
    adapted = open_adapter(load(family, name, case, torch.float64), folder)
    texts = Texts(LENGTHS, family, Size(longest=16), seed + 1)
    plain, _ = texts.run(family, family.load(name))
    states, _ = texts.run(family, adapted.base_model)
    assert (states[-1] - plain[-1]).abs().max() > 0.1, f"{name}, {case}: the adapter changes too little"
    write_tensors(folder / "golden.safetensors", texts.tensors | {"last": states[-1]}, seed=seed, family=name)


if __name__ == "__main__":
    run(make, "adapterhub-lora")
