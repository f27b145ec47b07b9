"""Makes Tests/Fixtures/training: ten steps of PEFT training in float64, and transformers' learning rate schedules."""

import torch
from peft import get_peft_model_state_dict
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from fixtures import VERSIONS, integers, run, write_json, write_tensors
from make_lora_fixtures import CONFIGURATIONS, adapted, batch, head_of, sentence_vectors
from tiny_encoder import SENTENCES, packed

STEPS, WARMUP, BATCH = 10, 2, 4
OPTIMIZER = dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
RATES = {"adapter": 1e-3, "head": 1e-2}
MAXIMUM_NORM = 1.0


def make(root):
    """Makes Tests/Fixtures/training."""
    write_json(root / "versions.json", VERSIONS)
    make_ten_losses(root / "ten-steps.safetensors")
    make_schedules(root / "schedules.safetensors")


def make_ten_losses(path):
    """No dropout, mean pooling; step i takes sentences 4i to 4i + 3, around the end."""
    generator = torch.Generator().manual_seed(11)
    configuration = CONFIGURATIONS["query-value"]
    model, head = adapted(configuration), head_of(generator)
    adapter = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    for name, value in sorted(adapter):
        value.data.copy_(0.1 * torch.randn(value.shape, generator=generator) if "lora_A" in name else torch.zeros(()))
    trained = [value for _, value in adapter] + list(head.parameters())

    tensors = {f"initial.{name}": value.float() for name, value in named(model, head).items()}
    groups = [{"params": [value for _, value in adapter], "lr": RATES["adapter"]}]
    groups += [{"params": list(head.parameters()), "lr": RATES["head"]}]
    optimizer = torch.optim.AdamW(groups, **OPTIMIZER)
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        rows, labels = batch([SENTENCES[(BATCH * step + i) % len(SENTENCES)] for i in range(BATCH)])
        inputs = packed(rows) | {"labels": integers(labels)}
        tensors |= {f"batch.{step}.{name}": value for name, value in inputs.items()}
        loss = torch.nn.functional.cross_entropy(head(sentence_vectors(model, rows, "mean")), torch.tensor(labels))
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(trained, MAXIMUM_NORM).item())
        rates.append(schedule.get_last_lr())
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    tensors |= {f"final.{name}": value for name, value in named(model, head).items()}
    for name, values in {"losses": losses, "gradient_norms": norms, "rates": rates}.items():
        tensors[name] = torch.tensor(values, dtype=torch.float64)
    recipe = dict(optimizer=OPTIMIZER, rates=RATES, warmup=WARMUP, steps=STEPS, schedule="linear", clip=MAXIMUM_NORM)
    write_tensors(path, tensors, configuration=configuration, recipe=recipe)


def named(model, head):
    values = get_peft_model_state_dict(model) | {"head.weight": head.weight, "head.bias": head.bias}
    return {name: value.detach().clone() for name, value in values.items()}


def make_schedules(path):
    """The factor on the learning rate at each step, from step 0 to the end, where linear is down to 0."""
    tensors = {}
    for warmup, total in [(0, 1), (0, 10), (1, 10), (3, 10), (10, 10), (25, 100)]:
        for name, schedule in {
            "linear": lambda o: get_linear_schedule_with_warmup(o, warmup, total),
            "cosine": lambda o: get_cosine_schedule_with_warmup(o, warmup, total),
            "constant": lambda o: get_constant_schedule_with_warmup(o, warmup),
        }.items():
            optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
            factor = schedule(optimizer).lr_lambdas[0]
            factors = [factor(step) for step in range(total + 1)]
            tensors[f"{name}.warmup-{warmup}.total-{total}"] = torch.tensor(factors, dtype=torch.float64)
    write_tensors(path, tensors)


if __name__ == "__main__":
    run(make, "training")
