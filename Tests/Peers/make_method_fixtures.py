"""Makes Tests/Fixtures/methods: folders of every method that PEFT has and Graft too, and what PEFT computes with them.

The models are those of Tests/Fixtures/families. `<family>/<method>` is a folder that PEFT wrote, with random values;
`<family>/golden.safetensors` holds, in float64, hidden states (`<method>.last`), the gradients of all that trains under the names
of PEFT's file (`<method>.gradient.…`), and the gradient of what enters the first layer (`<method>.input`). Virtual tokens are left
out of all of them. Texts have one segment: PEFT leaves segments out where it adds virtual tokens to a bare model.
"""

import os
from dataclasses import replace

import peft.tuners.boft.layer as boft
import torch
from peft import (
    BOFTConfig,
    IA3Config,
    LNTuningConfig,
    LoHaConfig,
    LoKrConfig,
    OFTConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    VeraConfig,
    get_peft_model,
)

from families import FAMILIES, Size
from fixtures import FIXTURES, VERSIONS, run, write_json, write_tensors
from make_family_fixtures import Texts

LENGTHS = [1, 2, 7, 16]
PROMPT = dict(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3)


class BlockDiagonal:
    """What PEFT's CUDA kernel computes. Without it PEFT takes one butterfly factor, whatever is asked for."""

    @staticmethod
    def apply(blocks):
        return torch.stack([torch.block_diag(*some.unbind()) for some in blocks])


boft._FBD_CUDA, boft.FastBlockDiag = object(), BlockDiagonal


def usual(family):
    """Methods on maps of one extent, and on maps of several."""
    some, every = family.targets, family.every_target
    return {
        "vera": VeraConfig(r=5, target_modules=some, d_initial=0.2, projection_prng_key=3),
        "vera-every": VeraConfig(r=3, target_modules=every),
        "loha": LoHaConfig(r=2, alpha=3, target_modules=every),
        "lokr": LoKrConfig(r=2, alpha=3, target_modules=every, decompose_both=True),
        "oft": OFTConfig(oft_block_size=4, target_modules=every),
        "boft": BOFTConfig(boft_block_size=2, boft_n_butterfly_factor=2, target_modules=some),
    }


def variants(family):
    """Other settings, on one family."""
    some, every = family.targets, family.every_target
    return {
        "loha-pattern": LoHaConfig(r=2, alpha=3, target_modules=some, rank_pattern={"query": 1}, alpha_pattern={"value": 5}),
        "lokr-factor": LoKrConfig(r=1, alpha=2, target_modules=every, decompose_factor=5, rank_dropout=0.1),
        "lokr-whole": LoKrConfig(r=64, alpha=64, target_modules=some),
        "oft-cayley": OFTConfig(oft_block_size=5, target_modules=some, use_cayley_neumann=False),
        "oft-shared": OFTConfig(r=4, oft_block_size=0, target_modules=some, block_share=True, num_cayley_neumann_terms=3),
        "oft-constrained": OFTConfig(oft_block_size=10, target_modules=some, coft=True, eps=0.4, num_cayley_neumann_terms=7),
        "boft-plain": BOFTConfig(boft_block_num=5, boft_block_size=0, target_modules=some),
        "layers": VeraConfig(r=2, target_modules=every, layers_to_transform=[1]),
        "prefix-zero": PrefixTuningConfig(init_weights="zero", **PROMPT),
        "p-tuning": PromptEncoderConfig(encoder_hidden_size=8, **PROMPT),
    }


IA3 = {
    "bert": dict(),  # PEFT's own: key, value, output.dense, of which the last is the ending of two modules
    "distilbert": dict(target_modules=["k_lin", "v_lin", "ffn.lin2"], feedforward_modules=["ffn.lin2"]),
    "roberta": dict(),
    "mpnet": dict(target_modules=["k", "v", "output.dense"], feedforward_modules=["output.dense"]),
    "deberta-v3": dict(),
    "modernbert": dict(target_modules=["Wqkv", "mlp.Wo"], feedforward_modules=["mlp.Wo"]),
    "t5": dict(),
    "albert-groups": dict(target_modules=["key", "value", "ffn_output"], feedforward_modules=["ffn_output"]),
    "electra": dict(target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"]),
}
#: The modules of norms by their last names.
NORMS = {
    "bert": ["LayerNorm"],
    "distilbert": ["sa_layer_norm", "output_layer_norm", "LayerNorm"],
    "mpnet": ["LayerNorm"],
    # The first layer has none before attention, and PEFT fails on what stands there.
    "modernbert": r".*(embeddings\.norm|layers\.[12]\.attn_norm|mlp_norm|final_norm)",
    "t5": ["layer_norm", "final_layer_norm"],
    "albert-groups": ["LayerNorm", "full_layer_layer_norm"],
}
#: Whose encoders take keys and values from before in transformers.
PREFIXED = ["bert", "roberta", "electra"]
PROMPTED = {
    "distilbert": dict(token_dim=20, num_attention_heads=2, num_layers=3),
    "electra": dict(token_dim=12),
    "albert-groups": dict(token_dim=12),
}
FULL = ["bert", "distilbert", "mpnet", "modernbert", "t5"]


def make(root):
    """Makes Tests/Fixtures/methods."""
    write_json(root / "versions.json", VERSIONS)
    write_tensors(root / "butterfly.safetensors", butterfly())
    os.chdir(FIXTURES / "families")  # so that adapters name their base by its folder, not by a path
    for number, name in enumerate(IA3):
        family = replace(FAMILIES[name], segments=False)
        methods = {"ia3": IA3Config(**IA3[name])} | (usual(family) if name in FULL else {})
        methods |= variants(family) if name == "bert" else {}
        if name in NORMS:
            methods["norms"] = LNTuningConfig(target_modules=NORMS[name])
        if name in PREFIXED:
            methods["prefix"] = PrefixTuningConfig(**PROMPT)
        methods["prompt"] = PromptTuningConfig(**PROMPT, **PROMPTED.get(name, {}))
        texts = Texts(LENGTHS, family, Size(), 4000 + number)
        golden, base = dict(texts.tensors), last_states(family, family.load(name), texts)[0]
        for index, (method, configuration) in enumerate(methods.items()):
            folder = root / name / method
            write_adapter(family.load(name, torch.float32), folder, configuration, 4100 + 20 * number + index)
            golden |= computed(family, family.load(name), folder, texts, base, method)
        if name == "bert":
            golden |= projected(family, family.load(name), texts)
        write_tensors(root / name / "golden.safetensors", golden, notes=family.notes)


def butterfly():
    """One map of PEFT's with three butterfly factors, by itself: 24 inputs in blocks of 2."""
    generator = torch.Generator().manual_seed(4998)
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    configuration = BOFTConfig(boft_block_size=2, boft_n_butterfly_factor=3)
    layer = boft.Linear(torch.nn.Linear(24, 5), "default", configuration)
    names = {"weight": layer.base_layer.weight, "bias": layer.base_layer.bias}
    trained = {"boft_R": layer.boft_R["default"], "boft_s": layer.boft_s["default"]}
    for value in (names | trained).values():
        value.data.copy_(0.5 * normal(*value.shape))
    found = {name: value.float().clone() for name, value in (names | trained).items()}
    found |= {"x": normal(7, 24), "dy": normal(7, 5)}
    layer = layer.double()
    x = found["x"].double().requires_grad_()
    y = layer(x)
    y.backward(found["dy"].double())
    found |= {"y": y, "dx": x.grad} | {f"gradient.{name}": value.grad for name, value in trained.items()}
    return found


def write_adapter(model, folder, configuration, seed):
    """An adapter with random values near those that it starts with, as PEFT writes it."""
    generator = torch.Generator().manual_seed(seed)
    adapted = get_peft_model(model, configuration)
    for name, value in sorted(adapted.named_parameters()):
        if value.requires_grad:
            value.data.copy_(random(name, value, generator))
    if getattr(configuration, "coft", False):
        adapted.eval()(input_ids=torch.tensor([[5, 6]]))  # which brings the parameters back into their ball
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()  # a card's empty form; not read by anything


def random(name, value, generator):
    noise = torch.randn(value.shape, generator=generator)
    if any(part in name for part in ("ia3_l", "boft_s")):
        return 1 + 0.3 * noise
    if "ln_tuning" in name:
        return value + 0.3 * noise
    return (0.15 if "oft_R" in name else 0.5) * noise


def computed(family, model, folder, texts, base, method):
    # PEFT opens virtual tokens only to use them.
    is_virtual = method.startswith("p")
    model = PeftModel.from_pretrained(model, folder, is_trainable=not is_virtual, autocast_adapter_dtype=False).double().eval()
    for value in model.prompt_encoder.parameters() if is_virtual else []:
        value.requires_grad_(True)
    last, entering = last_states(family, model, texts, backward=True)
    assert (last - base).abs().max() > 0.1, f"{folder}: nothing changes"
    found = {f"{method}.last": last, f"{method}.input": entering}
    for name, value in model.named_parameters():
        if value.grad is None:
            continue
        assert value.grad.abs().max() > 1e-3, f"{folder}: {name} has no gradient"
        found[f"{method}.gradient.{file_name(name)}"] = value.grad
    return found


def file_name(parameter):
    name = parameter.replace(".default", "")
    return "prompt_embeddings" if name == "prompt_encoder.embedding.weight" else name


def projected(family, model, texts):
    """A prefix that comes out of a network, while it trains: the network's values, states and gradients."""
    generator = torch.Generator().manual_seed(4999)
    model = get_peft_model(model, PrefixTuningConfig(prefix_projection=True, encoder_hidden_size=7, **PROMPT)).double().eval()
    network = {name: value for name, value in model.prompt_encoder["default"].named_parameters()}
    for name, value in sorted(network.items()):
        value.data.copy_(0.5 * torch.randn(value.shape, generator=generator))
    last, entering = last_states(family, model, texts, backward=True)
    found = {"projected.last": last, "projected.input": entering}
    found["projected.saved"] = model.get_prompt_embedding_to_save("default")
    for name, value in network.items():
        found |= {f"projected.value.{name}": value.float(), f"projected.gradient.{name}": value.grad}
    return found


def last_states(family, model, texts, backward=False):
    """The last hidden states of the texts' own tokens, and the gradient at what enters the first layer."""
    bare = model.get_base_model() if isinstance(model, PeftModel) else model
    states, gradients = [], []
    for inputs, dy in zip(texts.inputs(), texts.dy.split(texts.lengths)):
        entered = []

        def enter(layer, args):
            if entered:
                return  # ALBERT comes by again
            entered.append(args[0] if args[0].requires_grad else args[0].requires_grad_())
            entered[0].retain_grad()

        hook = family.layers(bare)[0].register_forward_pre_hook(enter)
        if model is not bare:  # ELECTRA makes no mask of its own for what comes before
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        last = model(**inputs).last_hidden_state[:, -inputs["input_ids"].shape[1] :]
        hook.remove()
        if backward:
            last.backward(dy.unsqueeze(0))
            gradients.append(entered[0].grad[0, -last.shape[1] :])
        states.append(last[0].detach())
    return torch.cat(states), torch.cat(gradients) if backward else None


if __name__ == "__main__":
    run(make, "methods")
