"""Makes Tests/Fixtures/unfreezing: parts of the encoder that were trained whole, as PEFT writes them, and what comes of them.

The models are those of Tests/Fixtures/families. `<family>/modules` has modules_to_save (the last layer, the embeddings, a norm
below and the one behind the last layer) and LoRA in the other layers; `<family>/biases` has every bias (bias="all") and LoRA in
all layers. PEFT did not write `<family>/{alone,under,biases-alone}`: these are as Graft writes what PEFT has no form of its own
for, and proven here to be opened by PEFT as what they are. `golden.safetensors` holds, in float64, hidden states and the gradients of all that was trained there. Of a gradient
G [rows, columns] there are two products, `.right` = G · u and `.left` = v · G with fixed directions, which any wrong number
changes.
"""

import json
import os

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from families import FAMILIES, Size
from fixtures import FIXTURES, VERSIONS, run, write_json, write_tensors
from make_family_fixtures import Texts, open_adapter

#: Post-norm with all tables; layers that share weights, and embeddings that are projected; maps of positions of their own; maps
#: that positions share; a projection; norms before blocks, one map for query, key and value; positions that begin behind the
#: padding token's; norms without bias, and a gate.
NAMES = ["bert", "albert-groups", "deberta-v2", "deberta-v3", "electra", "modernbert", "mpnet", "t5"]
LENGTHS = [1, 2, 7, 16]
#: What Graft keeps frozen: relative positions.
FROZEN = ["relative_attention_bias", "rel_embeddings", "pos_key_proj", "pos_query_proj", "pooler"]


def make(root):
    """Makes Tests/Fixtures/unfreezing."""
    write_json(root / "versions.json", VERSIONS)
    os.chdir(FIXTURES / "families")  # so that adapters name their base by its folder, not by a path
    for number, name in enumerate(NAMES):
        family, folder = FAMILIES[name], root / name
        texts = Texts(LENGTHS, family, Size(), 7000 + number)
        golden = dict(texts.tensors)
        settings = {"modules": dict(modules_to_save=modules(name, family))}
        if family.model not in ("T5EncoderModel", "ModernBertModel", "DebertaV2Model"):
            settings["biases"] = dict(bias="all")  # the first two have none; DeBERTa has some on relative positions
        for kind, changes in settings.items():
            configuration = LoraConfig(r=2, lora_alpha=3, target_modules=family.targets, **changes)
            write_adapter(family.load(name, torch.float32), folder / kind, configuration, 8000 + number)
            if family.model == "T5EncoderModel":
                add_words(family.load(name, torch.float32), folder / kind, 9000 + number)
            model = open_adapter(family.load(name), folder / kind)
            for parameter, value in model.named_parameters():
                trains = parameter.endswith(".bias") if kind == "biases" else parameter.endswith("shared.weight")
                value.requires_grad_(value.requires_grad or trains)
            base = last_states(family.load(name), texts)
            golden[f"{kind}.last"] = last_states(model, texts, backward=True)
            assert (golden[f"{kind}.last"] - base).abs().max() > 0.3, f"{name}, {kind}: nothing changes"
            golden |= gradients(model, kind, family)
        for kind, choice in CHOICES.items():
            if kind == "biases-alone" and "biases" not in settings:
                continue
            write_as_graft(name, family, folder / kind, choice, 8100 + number)
            golden[f"{kind}.last"] = prove_peft_opens(name, family, folder / kind, texts)
        write_tensors(folder / "golden.safetensors", golden, notes=family.notes)


#: What Graft unfreezes in the folders that it would write: the last layer and every norm with no LoRA at all (T5's words too,
#: one table under two names), the last layer under LoRA, and biases with no LoRA.
CHOICES = {
    "alone": dict(layer=True, norms=True, lora=False),
    "under": dict(layer=True, norms=False, lora=True),
    "biases-alone": dict(biases=True, lora=False),
}


def write_as_graft(name, family, folder, choice, seed):
    """A folder with new numbers for tensors of the base. A module of which all tensors are new, and which has no LoRA, is in
    modules_to_save; other tensors are under the names of PEFT's model."""
    generator = torch.Generator().manual_seed(seed)
    noise = lambda tensor, scale: scale * torch.randn(tensor.shape, generator=generator)
    model = family.load(name, torch.float32)
    last = prefix_of(family.layers(model)[-1], model) + "."
    adapted = {path for path, _ in model.named_modules() if path.split(".")[-1] in family.targets} if choice["lora"] else set()
    saved, tensors = [], {}
    for path, module in model.named_modules():
        parameters = dict(module.named_parameters(recurse=False))
        if any(part in path for part in FROZEN) or path == "encoder.LayerNorm" or not parameters:
            continue
        is_norm = "Norm" in type(module).__name__
        is_behind_last = path in ("final_norm", "encoder.final_layer_norm")
        is_shared = path == "shared" and not choice["lora"]
        whole = choice.get("layer") and (path.startswith(last) or is_behind_last) or choice.get("norms") and is_norm or is_shared
        new = [kind for kind in parameters if whole or choice.get("biases") and kind == "bias"]
        for kind in new:
            key = f"{path}.base_layer.{kind}" if path in adapted else f"{path}.{kind}"
            tensors[f"base_model.model.{key}"] = parameters[kind] + noise(parameters[kind], 0.2 if kind == "bias" or is_norm else 0.1)
        if len(new) == len(parameters) and path not in adapted and not is_shared:
            saved.append(path)
        if path in adapted:
            for kind, shape in (("A", (2, module.in_features)), ("B", (module.out_features, 2))):
                tensors[f"base_model.model.{path}.lora_{kind}.weight"] = noise(torch.empty(shape), 0.3)
    has_single_biases = any(
        key.endswith(".bias") and key.removeprefix("base_model.model.").rpartition(".")[0] not in saved for key in tensors
    )
    settings = dict(
        base_model_name_or_path=name, bias="all" if has_single_biases else "none", fan_in_fan_out=False, inference_mode=True,
        init_lora_weights=True, layers_pattern=None, layers_to_transform=None, lora_alpha=16 if adapted else 8, lora_dropout=0,
        modules_to_save=sorted(saved) or None, peft_type="LORA", r=2 if adapted else 8, revision=None,
        target_modules=sorted(family.targets) if adapted else "dummy-target-modules", task_type="FEATURE_EXTRACTION",
    )  # fmt: skip
    write_json(folder / "adapter_config.json", settings)
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "adapter_model.safetensors", {"format": "pt"})


def prove_peft_opens(name, family, folder, texts):
    """The hidden states that PEFT gives with a folder: those of the base with the folder's tensors in it."""
    opened = PeftModel.from_pretrained(family.load(name), folder, autocast_adapter_dtype=False).double().eval()
    with torch.no_grad():
        found, base = last_states(opened, texts), family.load(name)
        tensors = load_file(folder / "adapter_model.safetensors")
        scale = json.loads((folder / "adapter_config.json").read_text())["lora_alpha"] / 2
        for key, value in tensors.items():
            path, _, kind = key.removeprefix("base_model.model.").replace(".base_layer", "").rpartition(".")
            if "lora_" not in key:
                getattr(base.get_submodule(path), kind).copy_(value)
        for key, value in tensors.items():
            if "lora_A" in key:
                path = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                update = tensors[key.replace("lora_A", "lora_B")].double() @ value.double()
                base.get_submodule(path).weight.add_(scale * update)
        difference = (last_states(base, texts) - found).abs().max()
        moved = (last_states(family.load(name), texts) - found).abs().max()
    assert difference < 1e-9 < 0.1 < moved, f"{folder}: PEFT is off by {difference:.2g}, moved by {moved:.2g}"
    return found


def modules(name, family):
    """The modules that were trained whole, by their full names."""
    model = family.load(name)
    last = prefix_of(family.layers(model)[-1], model)
    chosen = []
    for path, module in model.named_modules():
        if any(part in path for part in FROZEN) or not list(module.parameters(recurse=False)):
            continue
        is_embedding = "layer" not in path.replace("layer_norm", "") and "block" not in path and path != "encoder.LayerNorm"
        is_norm_below = "0" in path and "norm" in path.lower() and "attention" not in path.lower()
        if path.startswith(last + ".") or is_embedding or is_norm_below:
            chosen.append(path)
    return [path for path in chosen if path != "shared"]


def add_words(model, folder, seed):
    """T5's words are one table under two names, and PEFT saves a module under one of them, which then is no longer looked up
    in. But it reads a tensor of the base by its name, for both."""
    path = folder / "adapter_model.safetensors"
    tensors, noise = load_file(path), torch.randn(model.shared.weight.shape, generator=torch.Generator().manual_seed(seed))
    save_file(tensors | {"base_model.model.shared.weight": model.shared.weight + 0.1 * noise}, path, {"format": "pt"})


def prefix_of(module, model):
    return next(path for path, other in model.named_modules() if other is module)


def write_adapter(model, folder, configuration, seed):
    """An adapter whose numbers, and those of the modules that it has whole, are random, as PEFT writes it."""
    generator = torch.Generator().manual_seed(seed)
    adapted = get_peft_model(model, configuration)
    for name, value in sorted(adapted.named_parameters()):
        if value.requires_grad:
            noise = torch.randn(value.shape, generator=generator)
            if "lora_" in name:
                value.data.copy_((value.shape[-1] ** -0.5 if "lora_A" in name else 0.3) * noise)
            else:
                value.data.add_(0.2 * noise if value.dim() == 1 else 0.1 * noise)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()  # a card's empty form; not read by anything


def last_states(model, texts, backward=False):
    states = []
    for inputs, dy in zip(texts.inputs(), texts.dy.split(texts.lengths)):
        last = model(**inputs).last_hidden_state
        if backward:
            last.backward(dy.unsqueeze(0))
        states.append(last[0].detach())
    return torch.cat(states)


def gradients(model, kind, family):
    """What the gradients of all that trains come to, by the names of PEFT's file."""
    found = {}
    for name, value in model.named_parameters():
        if value.grad is None or "original_module" in name:
            continue
        name = name.replace(".default", "").replace(".modules_to_save", "")
        if any(part in name for part in FROZEN):
            continue
        if any(name.endswith(part) or part + "." in name for part in family.idle if part.endswith("bias")) or (
            value.grad.abs().max() < 1e-9
        ):
            assert value.grad.abs().max() < 1e-9, f"{name} matters"
            found[f"{kind}.idle.{name}"] = torch.zeros(1)
            continue
        gradient = value.grad.reshape(-1, value.shape[-1])
        if len(gradient) > 1:  # of a vector this is one number, in which much cancels out
            found[f"{kind}.gradient.{name}.right"] = gradient @ direction(gradient.shape[1])
        found[f"{kind}.gradient.{name}.left"] = direction(gradient.shape[0]) @ gradient
    return found


def direction(count):
    """Numbers that float32 has exactly, and that anybody can make again."""
    return torch.tensor([((37 * i + 11) % 64 - 31.5) / 32 for i in range(count)], dtype=torch.float64)


if __name__ == "__main__":
    run(make, "unfreezing")
