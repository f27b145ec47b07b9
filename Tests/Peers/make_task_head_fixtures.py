"""Makes Tests/Fixtures/task-heads: folders that PEFT writes of transformers' task models, with the head in modules_to_save.

The models are those of Tests/Fixtures/heads. `<model>` has LoRA and every layer of the head with random values; modules_to_save
are what Graft calls them when it writes such a folder. `<model>.safetensors` holds the logits that PEFT gives of the folder, in
float64. `bert-as-usual` is what LoraConfig(task_type="SEQ_CLS") gives by itself: the classifier, and BERT's pooler as it was.
"""

import os

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from fixtures import FIXTURES, VERSIONS, run, write_json, write_tensors
from make_head_fixtures import LENGTHS, MODELS
from tiny_encoder import packed

#: What PEFT is told to save besides `classifier`, which it saves by itself.
MODULES = {
    "bert": ["bert.pooler.dense"], "distilbert": ["pre_classifier"], "albert": ["albert.pooler"], "deberta-v2": ["pooler"],
    "modernbert": ["head"], "modernbert-mean": ["head"], "modernbert-tokens": ["head"],
}  # fmt: skip
TARGETS = {"distilbert": ["q_lin", "v_lin"], "mpnet": ["q", "v"], "deberta": ["query_proj", "value_proj"], "modernbert": ["Wqkv"]}


def make(root):
    """Makes Tests/Fixtures/task-heads."""
    write_json(root / "versions.json", VERSIONS)
    os.chdir(FIXTURES / "heads")  # so that adapters name their base by its folder, not by a path
    for number, name in enumerate(MODELS):
        make_folder(root, name, name, MODULES.get(name, []), 300 + number)
    make_folder(root, "bert-as-usual", "bert", None, 400)


def make_folder(root, folder, name, modules, seed):
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randint(5, 120, (length,), generator=generator).tolist() for length in LENGTHS]
    task = "TOKEN_CLS" if name.endswith("-tokens") else "SEQ_CLS"
    targets = next((value for start, value in TARGETS.items() if name.startswith(start)), ["query", "value"])
    saved = None if modules is None else ["classifier", *modules]
    model = get_peft_model(
        load(name, torch.float32), LoraConfig(r=2, lora_alpha=3, target_modules=targets, task_type=task, modules_to_save=saved)
    )
    for parameter, value in sorted(model.named_parameters()):
        if value.requires_grad:
            value.data.copy_(0.3 * torch.randn(value.shape, generator=generator) + ("norm.weight" in parameter))
    model.save_pretrained(root / folder)
    (root / folder / "README.md").unlink()  # a card's empty form; not read by anything
    opened = PeftModel.from_pretrained(load(name), root / folder, autocast_adapter_dtype=False).double().eval()
    with torch.no_grad():
        logits = torch.cat([opened(torch.tensor([row])).logits.reshape(-1, 3) for row in rows])
        base = torch.cat([load(name)(torch.tensor([row])).logits.reshape(-1, 3) for row in rows])
    assert (logits - base).abs().max() > 0.1, f"{folder}: nothing changes"
    write_tensors(root / f"{folder}.safetensors", packed(rows) | {"logits": logits})


def load(name, dtype=torch.float64):
    auto = AutoModelForTokenClassification if name.endswith("-tokens") else AutoModelForSequenceClassification
    return auto.from_pretrained(name, dtype=dtype, attn_implementation="eager").eval()


if __name__ == "__main__":
    run(make, "task-heads")
