"""Makes Tests/Fixtures/families: a tiny random model of every family, what it computes, and PEFT's adapters on it.

`<family>/config.json` and `model.safetensors` are as save_pretrained writes them, `lora-default` and `lora-every` are adapter
folders as PEFT writes them, and `golden.safetensors` holds what transformers and PEFT compute, in float64. `<family>-task` is
a task model's checkpoint, its names behind a prefix: one is in float16, one in bfloat16, one in shards.
"""

import os

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from families import FAMILIES, Size
from fixtures import VERSIONS, integers, run, write_json, write_tensors
from tiny_encoder import LABELS, packed

LENGTHS = [1, 2, 7, 33]
#: Other configurations of families that have an entry already: shorter texts, no task model.
VARIANTS = ["electra-wide", "albert-groups", "deberta-v2", "t5-relu"]
#: The places in a text whose states are stored; of all tokens a projection of the last states is.
STORED = {0, 1, 6, 32, 63, 128, 256, 511}
ADAPTERS = {"lora-default": dict(r=2, lora_alpha=5), "lora-every": dict(r=2, lora_alpha=3)}
TASK_SIZE = Size(layers=1, longest=16)
TASK_LENGTHS = [1, 2, 7, 16]
#: How a task model's weights come; the others are one file of float32.
TASK_WEIGHTS = {
    "roberta": dict(dtype=torch.float16),
    "electra": dict(dtype=torch.bfloat16),
    "xlm-roberta": dict(max_shard_size="8KB"),
}


def make(root):
    """Makes Tests/Fixtures/families."""
    write_json(root / "versions.json", VERSIONS)
    os.chdir(root)  # so that adapters name their base by its folder, not by a path
    for number, (name, family) in enumerate(FAMILIES.items()):
        make_family(name, family, root / name, 100 * (number + 1))
    for number, name in enumerate(name for name in FAMILIES if name not in VARIANTS):
        make_task(f"{name}-task", FAMILIES[name], root / f"{name}-task", 100 * (number + 1) + 50)


def make_family(name, family, folder, seed):
    size = Size(longest=64 if name in VARIANTS else 512)
    family.build(size, seed).save_pretrained(folder)
    texts = Texts([*LENGTHS, size.longest], family, size, seed + 1)
    prove_everything_matters(family, texts, name)
    states, dx = texts.run(family, family.load(name))
    prove_batches_change_nothing(family.load(name, torch.float32), texts, states[-1])
    golden = texts.tensors | {f"hidden.{i}": texts.pick(state) for i, state in enumerate(states[:-1])}
    golden |= {"last": texts.pick(states[-1]), "last.projection": states[-1] @ texts.direction, "dx": texts.pick(dx)}
    for turn, (kind, settings) in enumerate(ADAPTERS.items()):
        targets = family.targets if kind == "lora-default" else family.every_target
        configuration = LoraConfig(**settings, target_modules=targets)
        write_adapter(family.load(name, torch.float32), folder / kind, configuration, seed + 2 + turn)
        model = open_adapter(family.load(name), folder / kind)
        adapted, _ = texts.run(family, model)
        assert (adapted[-1] - states[-1]).abs().max() > 0.1, f"{name}, {kind}: the adapter changes too little"
        golden[f"{kind}.last"] = texts.pick(adapted[-1])
        for parameter, value in trained(model).items():
            assert value.grad.abs().max() > 1e-3, f"{name}, {kind}: {parameter} has no gradient"
            golden[f"{kind}.gradient.{parameter}"] = value.grad
    write_tensors(folder / "golden.safetensors", golden, seed=seed, notes=family.notes)


def make_task(name, family, folder, seed):
    generates = family.task.endswith("Generation")
    labels = {} if generates else dict(id2label=dict(enumerate(LABELS)), label2id={x: i for i, x in enumerate(LABELS)})
    weights = dict(TASK_WEIGHTS.get(name.removesuffix("-task"), {}))
    model = family.build(TASK_SIZE, seed, task=True, **labels).to(weights.pop("dtype", torch.float32))
    model.save_pretrained(folder, **weights)
    texts = Texts(TASK_LENGTHS, family, TASK_SIZE, seed + 1)
    states, _ = texts.run(family, family.load(name))
    golden = texts.tensors | {"last": states[-1]}
    if not generates:
        golden["logits"], last = texts.logits(family.load(name, task=True))
        assert torch.equal(last, states[-1]), f"{name}: the task model has another encoder"
        configuration = LoraConfig(r=2, lora_alpha=3, target_modules=family.targets, task_type="SEQ_CLS")
        write_adapter(family.load(name, torch.float32, task=True), folder / "lora", configuration, seed + 2)
        golden["lora.logits"], golden["lora.last"] = texts.logits(
            open_adapter(family.load(name, task=True), folder / "lora")
        )
        assert (golden["lora.last"] - golden["last"]).abs().max() > 0.1, f"{name}: the adapter changes too little"
    write_tensors(folder / "golden.safetensors", golden, seed=seed)


class Texts:
    """Texts of random tokens, each computed on its own, and a linear functional of the hidden states.

    dy = `dy.left` · `dy.right` is its gradient; `dy.left` is positive, so that what tokens add to a gradient does not cancel
    out, which would leave more rounding than numbers. Of states too many to store there are some rows (`rows`) and, of every
    token, the product with `direction`.
    """

    def __init__(self, lengths, family, size, seed):
        generator = torch.Generator().manual_seed(seed)
        normal = lambda *shape: torch.randn(*shape, generator=generator)
        self.lengths = lengths
        self.rows = [torch.randint(5, size.vocabulary, (n,), generator=generator).tolist() for n in lengths]
        second = lambda i, n: int(family.segments and n > 2 and i >= n // 2)
        self.segments = [[second(i, n) for i in range(n)] for n in lengths]
        self.stored = [s + i for s, n in zip(starts(lengths), lengths) for i in range(n) if i in STORED]
        left, right, direction = normal(sum(lengths), 2).abs(), normal(2, size.hidden), normal(size.hidden)
        self.dy, self.direction = left.double() @ right.double(), direction.double()
        self.tensors = packed(self.rows) | {"rows": integers(self.stored), "direction": direction}
        self.tensors |= {"dy.left": left, "dy.right": right}
        if family.segments:
            self.tensors["segments"] = integers(sum(self.segments, []))

    def inputs(self):
        """What the model is called with, text by text."""
        has_segments = "segments" in self.tensors
        for row, segment in zip(self.rows, self.segments):
            yield {"input_ids": torch.tensor([row])} | ({"token_type_ids": torch.tensor([segment])} if has_segments else {})

    def run(self, family, model):
        """The states after the embeddings, after each call of a layer, and the last of all; and the functional's gradient
        at the embeddings. Gradients of parameters that want one are left in them."""
        bare = model.get_base_model() if isinstance(model, PeftModel) else model
        states, gradients = [], []
        for inputs, dy in zip(self.inputs(), self.dy.split(self.lengths)):
            with Observation(family.layers(bare)) as seen:
                last = model(**inputs).last_hidden_state
            last.backward(dy.unsqueeze(0))
            states.append([state[0].detach() for state in (*seen.states, last)])
            gradients.append(seen.states[0].grad[0])
        return [torch.cat(state) for state in zip(*states)], torch.cat(gradients)

    @torch.no_grad()
    def logits(self, model):
        """A task model's logits [texts, labels], and the states that its head reads."""
        task = model.get_base_model() if isinstance(model, PeftModel) else model
        seen = []
        hook = getattr(task, task.base_model_prefix).register_forward_hook(
            lambda module, inputs, output: seen.append(output[0][0])
        )
        logits = [model(**inputs).logits for inputs in self.inputs()]
        hook.remove()
        return torch.cat(logits), torch.cat(seen)

    def pick(self, states):
        return states[self.stored]


class Observation:
    """Keeps what enters the first layer, with its gradient, and what every call of a layer gives."""

    def __init__(self, layers):
        self.states = []
        self.hooks = [layers[0].register_forward_pre_hook(self.enter)]
        self.hooks += [layer.register_forward_hook(self.leave) for layer in layers]

    def enter(self, layer, args):
        if self.states:
            return None  # ALBERT comes by again
        self.states.append(args[0].detach().requires_grad_())
        return (self.states[0], *args[1:])

    def leave(self, layer, args, output):
        self.states.append(output[0] if isinstance(output, tuple) else output)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for hook in self.hooks:
            hook.remove()


def starts(lengths):
    return [sum(lengths[:i]) for i in range(len(lengths))]


# MARK: Adapters


def write_adapter(model, folder, configuration, seed):
    """An adapter with random A and B, as PEFT writes it."""
    generator = torch.Generator().manual_seed(seed)
    adapted = get_peft_model(model, configuration)
    for name, value in sorted(adapted.named_parameters()):
        if value.requires_grad:
            scale = value.shape[-1] ** -0.5 if "lora_A" in name else 0.3
            value.data.copy_(scale * torch.randn(value.shape, generator=generator))
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()  # a card's empty form; not read by anything


def open_adapter(model, folder):
    """A float64 model with a folder's adapter, whose A and B want gradients."""
    adapted = PeftModel.from_pretrained(model, folder, is_trainable=True, autocast_adapter_dtype=False)
    return adapted.double().eval()


def trained(model):
    """A and B under the names of PEFT's file."""
    named = ((name.replace(".default", ""), value) for name, value in model.named_parameters())
    return {name: value for name, value in named if "lora_" in name}


# MARK: Proofs about the fixtures themselves


def prove_everything_matters(family, texts, name):
    """A fixture tests nothing about a weight on which no hidden state depends."""
    model = family.load(name).requires_grad_(True)
    for inputs, dy in zip(texts.inputs(), texts.dy.split(texts.lengths)):
        model(**inputs).last_hidden_state.backward(dy.unsqueeze(0))
    for parameter, value in model.named_parameters():
        idle = value.grad is None or value.grad.abs().max() < 1e-3
        expected = any(part in parameter for part in family.idle)
        assert idle == expected, f"{name}: {parameter} {'does not matter' if idle else 'matters'}"


@torch.no_grad()
def prove_batches_change_nothing(model, texts, last):
    """One padded batch gives each text what it has alone. In float32: ModernBERT's mask overflows in float64 where a row has
    nothing but padding to look at."""
    inputs, longest = list(texts.inputs()), max(texts.lengths)
    fill = {"input_ids": model.config.pad_token_id, "token_type_ids": 0}
    pad = lambda key, row: torch.nn.functional.pad(row, (0, longest - row.shape[1]), value=fill[key])
    batch = {key: torch.cat([pad(key, text[key]) for text in inputs]) for key in inputs[0]}
    batch["attention_mask"] = mask = torch.tensor([[int(i < n) for i in range(longest)] for n in texts.lengths])
    difference = (model(**batch).last_hidden_state[mask.bool()] - last).abs().max()
    assert difference < 1e-4, f"padding changes states by {difference:.2g}"


if __name__ == "__main__":
    run(make, "families")
