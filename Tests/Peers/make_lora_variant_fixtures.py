"""Makes Tests/Fixtures/lora-variants: what LoRA comes in besides its plain form, on several families, as PEFT files and computes it.

`<family>/<variant>` is an adapter folder as PEFT writes it, with `golden.safetensors`: the last hidden states of some texts, and
the gradients of a linear functional of them, of every parameter that trains and of what enters the first layer, in float64.
The encoders are those of Tests/Fixtures/families.
"""

import os

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from families import FAMILIES, Size
from fixtures import FIXTURES, VERSIONS, run, write_json, write_tensors
from make_family_fixtures import Texts

LENGTHS = [1, 2, 7, 16]
#: The tables of each family by their modules' names, the words first.
TABLES = {
    "bert": ["word_embeddings", "position_embeddings", "token_type_embeddings"],
    "roberta": ["word_embeddings", "position_embeddings", "token_type_embeddings"],
    "mpnet": ["word_embeddings", "position_embeddings"],
    "modernbert": ["tok_embeddings"],
    # The encoder reads T5's table by another name than that under which PEFT finds and wraps it: there it does nothing.
    "t5": [],
    "albert": ["word_embeddings", "position_embeddings", "token_type_embeddings"],
    "electra": ["word_embeddings", "position_embeddings", "token_type_embeddings"],
}
DORA = dict(r=2, lora_alpha=3, use_dora=True)


def variants(name, family):
    """The configurations to make on a family, by their folders' names."""
    every, usual = family.every_target, family.targets
    made = {
        "dora": DORA | dict(target_modules=every),
        "tables": dict(r=2, lora_alpha=3, target_modules=[*usual, *TABLES.get(name, [])]),
        "tables-dora": DORA | dict(target_modules=[*usual, *TABLES.get(name, [])]),
        "tokens": dict(r=2, lora_alpha=3, target_modules=usual, trainable_token_indices=[]),  # of the texts
        "all-linear": dict(r=2, lora_alpha=3, target_modules="all-linear"),
        "lora-bias": dict(r=2, lora_alpha=3, lora_bias=True, target_modules=usual),
        "dora-rslora": DORA | dict(use_rslora=True, lora_dropout=0.1, target_modules=usual),
        "biases": dict(r=2, lora_alpha=3, bias="lora_only", target_modules=every),
        "biases-all": dict(r=2, lora_alpha=3, bias="all", target_modules=usual),
        "patterns": dict(
            r=2, lora_alpha=3, use_rslora=True, target_modules=every, rank_pattern={r".*\.2\..*": 3, usual[0]: 4},
            alpha_pattern={usual[0]: 7}, exclude_modules=[every[1]],
        ),
        "some-layers": dict(
            r=2, lora_alpha=3, target_modules=usual, layers_to_transform=[0, 2],
            layers_pattern=["layers" if name == "modernbert" else "block" if name == "t5" else "layer"],
        ),
    }  # fmt: skip
    kept = {
        "bert": list(made),
        "roberta": ["tables"],
        "mpnet": ["dora", "tables", "tokens", "all-linear", "lora-bias"],
        "modernbert": ["dora", "tables-dora", "tokens", "all-linear", "lora-bias", "some-layers"],
        "t5": ["dora", "lora-bias", "all-linear", "some-layers"],
        "albert": ["dora", "tables", "tokens", "all-linear", "biases"],
        "electra": ["dora", "all-linear"],
        "deberta-v3": ["dora", "lora-bias", "all-linear"],
    }[name]
    return {variant: made[variant] for variant in kept}


def make(root):
    """Makes Tests/Fixtures/lora-variants."""
    root = root.resolve()
    write_json(root / "versions.json", VERSIONS)
    os.chdir(FIXTURES / "families")  # so that adapters name their base by its folder, not by a path
    for number, name in enumerate([*TABLES, "deberta-v3"]):
        family = FAMILIES[name]
        for turn, (variant, settings) in enumerate(variants(name, family).items()):
            make_variant(name, family, root / name / variant, settings, 1000 * (number + 1) + 10 * turn)


def make_variant(name, family, folder, settings, seed):
    texts = Texts(LENGTHS, family, Size(longest=512), seed)
    if "trainable_token_indices" in settings:
        settings = settings | {"trainable_token_indices": list(dict.fromkeys(texts.rows[-1]))[:3]}
    write_folder(family.load(name, torch.float32), folder, LoraConfig(**settings), seed + 1)
    plain, _ = run_texts(texts, family, family.load(name))
    model = open_folder(family.load(name), folder)
    last, dx = run_texts(texts, family, model)
    assert (last - plain).abs().max() > 0.05, f"{name}, {folder.name}: the adapter changes too little"
    golden = texts.tensors | {"last": last, "dx": dx}
    gradients = {key: value.grad for key, value in trained(model).items() if value.grad is not None}
    for key, gradient in gradients.items():
        golden[f"gradient.{key}"] = gradient
    idle = [key for key, gradient in gradients.items() if gradient.abs().max() < 1e-3]
    assert all(is_idle(family, key) for key in idle), f"{name}, {folder.name}: {idle} have no gradient"
    write_tensors(folder / "golden.safetensors", golden, seed=seed, settings=settings)


def is_idle(family, key):
    """A key's bias is the same for all scores of a row, and the pooler is no part of the hidden states."""
    return any(part in key for part in (*family.idle, "key.lora_B.bias", "key.base_layer.bias", "key_proj.lora_B.bias"))


def write_folder(model, folder, configuration, seed):
    """An adapter as PEFT writes it, its numbers random, but for what is kept whole: that is moved from where it starts."""
    generator = torch.Generator().manual_seed(seed)
    adapted = get_peft_model(model, configuration)
    for name, value in sorted(adapted.named_parameters()):
        if not value.requires_grad:
            continue
        noise = torch.randn(value.shape, generator=generator)
        if "lora_magnitude_vector" in name or "trainable_tokens" in name:
            value.data.mul_(1 + 0.3 * noise)
        elif "lora_A" in name:
            value.data.copy_(value.shape[-1] ** -0.5 * noise)
        elif "lora_" in name:
            value.data.copy_(0.3 * noise)
        else:
            value.data.add_(0.3 * noise)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()  # a card's empty form; not read by anything


def open_folder(model, folder):
    """A float64 model with a folder's adapter, whose parameters want gradients."""
    adapted = PeftModel.from_pretrained(model, folder, is_trainable=True, autocast_adapter_dtype=False)
    return adapted.double().eval()


def trained(model):
    """What trains, under the names of PEFT's file."""
    def plain(name):
        name = name.replace(".default", "")
        return name.removesuffix(".weight") if name.endswith("lora_magnitude_vector.weight") else name

    return {plain(name): value for name, value in model.named_parameters() if value.requires_grad}


def run_texts(texts, family, model):
    """The last hidden states of all texts, and the functional's gradient at what enters the first layer."""
    bare = model.get_base_model() if isinstance(model, PeftModel) else model
    states, gradients = [], []
    for inputs, dy in zip(texts.inputs(), texts.dy.split(texts.lengths)):
        entered = []

        def enter(layer, args):
            if not entered:
                entered.append(args[0] if args[0].requires_grad else args[0].requires_grad_())
                entered[0].retain_grad()

        hook = family.layers(bare)[0].register_forward_pre_hook(enter)
        last = model(**inputs).last_hidden_state
        hook.remove()
        last.backward(dy.unsqueeze(0))
        states.append(last[0].detach())
        gradients.append(entered[0].grad[0])
    return torch.cat(states), torch.cat(gradients)


if __name__ == "__main__":
    run(make, "lora-variants")
