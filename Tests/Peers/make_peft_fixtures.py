"""Makes Tests/Fixtures/peft: adapter folders as PEFT's save_pretrained writes them, and what PEFT computes with them."""

import os

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModel, AutoModelForSequenceClassification

from fixtures import VERSIONS, run, write_json, write_tensors
from make_lora_fixtures import ALL, CONFIGURATIONS, batch
from pooling import pool
from tiny_encoder import FOLDER, SENTENCES, packed, padded

QUERY_VALUE = CONFIGURATIONS["query-value"]
FOLDERS = {
    "query-value": QUERY_VALUE,
    "all-targets": CONFIGURATIONS["all-targets"] | {"lora_alpha": 6.5, "lora_dropout": 0.1},
    "layers": CONFIGURATIONS["layers"],
    "one-layer": QUERY_VALUE | {"layers_to_transform": 2},
    "rslora": CONFIGURATIONS["rslora"],
    "patterns": CONFIGURATIONS["patterns"],
    "regex": CONFIGURATIONS["feed-forward-output"],
    "excluded": QUERY_VALUE | {"target_modules": ALL, "exclude_modules": ["key", "attention.output.dense"]},
    "bfloat16": QUERY_VALUE,
    "lora-bias": QUERY_VALUE | {"lora_bias": True},
    "dora": QUERY_VALUE | {"use_dora": True},
    "bias-lora-only": QUERY_VALUE | {"bias": "lora_only"},
    "sequence-classification": QUERY_VALUE | {"task_type": "SEQ_CLS"},
}


def make(root):
    """Makes Tests/Fixtures/peft."""
    write_json(root / "versions.json", VERSIONS)
    rows, _ = batch(SENTENCES[:6])
    root.mkdir(parents=True, exist_ok=True)
    os.chdir(FOLDER.parent)  # so that the folders name their base "tiny-bert", not a path
    write_tensors(root / "inputs.safetensors", packed(rows), texts=[text for text, _ in SENTENCES[:6]])
    plain = states(base("plain", dtype=torch.float64), rows)
    for seed, (name, configuration) in enumerate(FOLDERS.items()):
        write_folder(root / name, configuration, 100 + seed)
        (root / name / "README.md").unlink()  # a card's empty form; not read by anything
        encoder = base(name, dtype=torch.float64)
        adapted = states(PeftModel.from_pretrained(encoder, root / name, autocast_adapter_dtype=False), rows)
        assert (adapted["pooled"] - plain["pooled"]).abs().max() > 1e-2, name
        write_tensors(root / f"{name}.expected.safetensors", adapted)


def base(folder_name, **options):
    """A fresh tiny encoder under the task class that the folder's adapter was trained in."""
    options |= {"attn_implementation": "eager"}
    if folder_name != "sequence-classification":
        return AutoModel.from_pretrained("tiny-bert", **options)
    return AutoModelForSequenceClassification.from_pretrained("tiny-bert", num_labels=3, **options)


def write_folder(folder, configuration, seed):
    generator = torch.Generator().manual_seed(seed)
    half = folder.name == "bfloat16"
    encoder = base(folder.name, dtype=torch.bfloat16 if half else torch.float32)
    model = get_peft_model(encoder, LoraConfig(**configuration), autocast_adapter_dtype=not half)
    for name, value in sorted(model.named_parameters()):
        if value.requires_grad:
            noise = 0.1 * torch.randn(value.shape, generator=generator)
            value.data.copy_(value.data + noise if keeps_its_start(name) else noise)
    model.save_pretrained(folder)


def keeps_its_start(name):
    """DoRA's magnitudes and the base's biases are stored whole, not as a difference: stay near where they start."""
    return "lora_magnitude_vector" in name or name.endswith("base_layer.bias")


def states(model, rows):
    """Hidden states end to end, sentence vectors, and logits if the model has a head, all in float64."""
    model = model.double().eval()
    inputs = padded(rows)
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
    hidden, mask = out.hidden_states[-1], inputs["attention_mask"]
    vectors = pool(hidden, mask, "mean")
    tensors = {"hidden": hidden[mask.bool()], "pooled": vectors}
    tensors["embeddings"] = torch.nn.functional.normalize(vectors, dim=-1)
    return tensors | ({"logits": out.logits} if "logits" in out else {})


if __name__ == "__main__":
    run(make, "peft")
