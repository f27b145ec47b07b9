"""Makes Tests/Fixtures/lora: PEFT's logits, losses and gradients for LoRA and a linear head on the tiny encoder."""

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from transformers import AutoTokenizer

from fixtures import VERSIONS, integers, run, write_json, write_tensors
from pooling import pool
from tiny_encoder import FOLDER, LABELS, SENTENCES, load, packed, padded

ALL = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
CONFIGURATIONS = {
    "query-value": dict(r=4, lora_alpha=8, target_modules=["query", "value"]),
    "all-targets": dict(r=3, lora_alpha=5, target_modules=ALL),
    "layers": dict(r=2, lora_alpha=3, target_modules=["query", "value", "output.dense"], layers_to_transform=[1, 2]),
    "feed-forward-output": dict(r=2, lora_alpha=3, target_modules=r".*layer\.\d+\.output\.dense"),
    "rslora": dict(r=4, lora_alpha=8, target_modules=["query", "value"], use_rslora=True),
    "patterns": dict(
        r=4, lora_alpha=8, target_modules=["query", "value"],
        rank_pattern={"query": 2, "layer.2.attention.self.value": 5}, alpha_pattern={"value": 3},
    ),
}  # fmt: skip


def make(root):
    """Makes Tests/Fixtures/lora."""
    write_json(root / "versions.json", VERSIONS)
    for seed, (name, configuration) in enumerate(CONFIGURATIONS.items()):
        make_gradients(root / f"{name}.safetensors", configuration, seed)


def make_gradients(path, configuration, seed):
    generator = torch.Generator().manual_seed(seed)
    model = adapted(configuration)
    parameters = dict(get_peft_model_state_dict(model))
    for name in sorted(parameters):
        parameters[name].copy_(0.1 * torch.randn(parameters[name].shape, generator=generator))
    head = head_of(generator)

    rows, labels = batch(SENTENCES[:6])
    tensors = {name: value.float() for name, value in parameters.items()}
    tensors |= {"head.weight": head.weight.float(), "head.bias": head.bias.float()}
    tensors |= packed(rows) | {"labels": integers(labels)}
    for pooling in ("mean", "cls", "max"):
        logits = head(sentence_vectors(model, rows, pooling))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
        model.zero_grad()
        head.zero_grad()
        loss.backward()
        gradients = trained_gradients(model) | {"head.weight": head.weight.grad, "head.bias": head.bias.grad}
        tensors |= {f"{pooling}.logits": logits, f"{pooling}.loss": loss.reshape(1)}
        tensors |= {f"{pooling}.gradient.{name}": gradient.clone() for name, gradient in gradients.items()}
    write_tensors(path, tensors, configuration=configuration)


def adapted(configuration):
    """The tiny encoder in float64 with a PEFT adapter in float64, without dropout."""
    return get_peft_model(load(), LoraConfig(**configuration), autocast_adapter_dtype=False).eval()


def head_of(generator):
    """A seeded linear head whose values are exact in float32."""
    head = torch.nn.Linear(32, len(LABELS), dtype=torch.float64)
    for value in head.parameters():
        value.data.copy_(0.3 * torch.randn(value.shape, generator=generator))
    return head


def batch(sentences):
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    return [tokenizer(text)["input_ids"] for text, _ in sentences], [label for _, label in sentences]


def sentence_vectors(model, rows, pooling):
    inputs = padded(rows)
    return pool(model(**inputs).last_hidden_state, inputs["attention_mask"], pooling)


def trained_gradients(model):
    """Gradients under the names that PEFT saves the values under."""
    named = ((name.replace(".default", ""), value) for name, value in model.named_parameters())
    return {name: value.grad for name, value in named if value.requires_grad}


if __name__ == "__main__":
    run(make, "lora")
