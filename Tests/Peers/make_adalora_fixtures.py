"""Makes Tests/Fixtures/adalora: AdaLoRA of PEFT on the tiny encoder: gradients, steps of training with its ranks, and a folder."""

import os

import torch
from peft import AdaLoraConfig, PeftModel, get_peft_model
from transformers import AutoModel

from fixtures import VERSIONS, run, write_json, write_tensors
from make_lora_fixtures import batch, head_of
from pooling import pool
from tiny_encoder import FOLDER, SENTENCES, packed, padded

STEPS = 8
CONFIGURATION = dict(
    init_r=4, target_r=2, lora_alpha=6, tinit=1, tfinal=2, deltaT=1, beta1=0.8, beta2=0.7, orth_reg_weight=0.3,
    total_step=STEPS, target_modules=["query", "intermediate.dense"], layers_to_transform=[1, 2],
)  # fmt: skip


def make(root):
    """Makes Tests/Fixtures/adalora."""
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / "versions.json", VERSIONS)
    os.chdir(FOLDER.parent)
    rows, labels = batch(SENTENCES[:6])
    generator = torch.Generator().manual_seed(70)
    model = get_peft_model(base(), AdaLoraConfig(**CONFIGURATION), autocast_adapter_dtype=False).eval()
    for name, value in sorted(model.named_parameters()):
        if value.requires_grad and "lora_" in name:
            value.data.copy_((0.1 if "lora_E" in name else 0.3) * torch.randn(value.shape, generator=generator))
    head = head_of(generator)
    tensors = packed(rows) | {"head.weight": head.weight, "head.bias": head.bias}
    trained = {name: value for name, value in sorted(model.named_parameters()) if value.requires_grad and "lora_" in name}
    tensors |= {f"start.{plain(name)}": value.clone() for name, value in trained.items()}
    optimizer = torch.optim.SGD(list(trained.values()), lr=0.1)
    for step in range(STEPS):
        optimizer.zero_grad()
        task_loss = loss_of(model, head, rows, labels)
        task_loss.backward()
        if step == 0:
            tensors |= {f"task.{plain(name)}": value.grad.clone() for name, value in trained.items()}
        regularization = orthogonality(trained)
        (CONFIGURATION["orth_reg_weight"] * regularization).backward()
        tensors |= {f"{step}.gradient.{plain(name)}": value.grad.clone() for name, value in trained.items()}
        tensors[f"{step}.regularization"] = (CONFIGURATION["orth_reg_weight"] * regularization).reshape(1)
        optimizer.step()
        model.base_model.update_and_allocate(step)
        tensors |= {f"{step}.value.{plain(name)}": value.clone() for name, value in trained.items()}
    write_tensors(root / "steps.safetensors", tensors, configuration=CONFIGURATION)
    model.save_pretrained(root / "folder")
    (root / "folder" / "README.md").unlink()
    read = PeftModel.from_pretrained(base(), root / "folder", autocast_adapter_dtype=False).eval()
    states = {"model": hidden(model, rows), "read": hidden(read, rows)}
    write_tensors(root / "folder.expected.safetensors", packed(rows) | states)


def base():
    return AutoModel.from_pretrained("tiny-bert", dtype=torch.float64, attn_implementation="eager")


def plain(name):
    return name.replace(".default", "").removeprefix("base_model.model.")


def orthogonality(trained):
    """As AdaLoraModel.forward adds it where a model computes its own loss."""
    terms = []
    for name, value in trained.items():
        if "lora_E" not in name:
            covariance = value @ value.T if "lora_A" in name else value.T @ value
            terms.append(torch.norm(covariance - torch.eye(len(covariance), dtype=value.dtype), p="fro"))
    return sum(terms) / len(terms)


def loss_of(model, head, rows, labels):
    inputs = padded(rows)
    vectors = pool(model(**inputs).last_hidden_state, inputs["attention_mask"], "mean")
    return torch.nn.functional.cross_entropy(head(vectors), torch.tensor(labels))


def hidden(model, rows):
    inputs = padded(rows)
    with torch.no_grad():
        return model(**inputs).last_hidden_state[inputs["attention_mask"].bool()]


if __name__ == "__main__":
    run(make, "adalora")
