"""The peer's training: LoRA on query and value and a linear head on mean-pooled states, with PyTorch and PEFT on the CPU.

The recipe is graft's: AdamW with weight decay 0.01, a tenth of the steps to warm up, then linearly down to zero, gradients
clipped to norm 1. Prints one JSON object under the names that `graft train --json` uses. Tokens are real ones, never padding;
a second of training is one inside the steps, and loading, tokenizing and evaluating are left out. The median over steps
leaves out what the first step prepares for the others.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer, get_linear_schedule_with_warmup

from pooling import pool

MODES = {
    "default": "float32, shuffled, padded to the longest of the batch: what tutorials do",
    "best": "float32, batches of like length: the least padding",
    "bf16": "as best, under bfloat16 autocast",
}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("train", help="labelled texts, .jsonl")
    parser.add_argument("test", help="labelled texts, .jsonl")
    parser.add_argument("--mode", choices=MODES, default="default", help="; ".join(f"{m}: {t}" for m, t in MODES.items()))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-dropout", action="store_true", help="none inside the frozen encoder")
    parser.add_argument("--output", help="write the adapter folder and head.safetensors here")
    return parser.parse_args()


class Data:
    """Tokenized rows of one file, handed out as padded batches."""

    def __init__(self, path, tokenizer, max_tokens):
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.labels = [row["label"] for row in rows]
        self.ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=max_tokens)["input_ids"]

    def batches(self, order, size, by_length):
        if by_length:
            # Sorted within stretches of 50 batches, so that epochs still differ.
            stretches = [order[i : i + 50 * size] for i in range(0, len(order), 50 * size)]
            order = [i for stretch in stretches for i in sorted(stretch, key=lambda i: len(self.ids[i]))]
        return [order[i : i + size] for i in range(0, len(order), size)]

    def padded(self, chosen):
        rows = [torch.tensor(self.ids[i]) for i in chosen]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        return ids, mask


class Classifier(torch.nn.Module):
    def __init__(self, encoder, labels):
        super().__init__()
        self.encoder = encoder
        self.head = torch.nn.Linear(encoder.config.hidden_size, labels)

    def forward(self, ids, mask):
        return self.head(pool(self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask, "mean"))


def load_encoder(o):
    changes = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0) if o.no_dropout else {}
    encoder = AutoModel.from_pretrained(o.model, **changes)
    lora = LoraConfig(r=o.rank, lora_alpha=o.alpha, lora_dropout=0.0, target_modules=["query", "value"])
    return get_peft_model(encoder, lora)


def train(model, data, labels, o, precision):
    random = numpy.random.default_rng(o.seed)
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=o.learning_rate, weight_decay=0.01)
    steps = o.epochs * -(-len(data.ids) // o.batch_size)
    schedule = get_linear_schedule_with_warmup(optimizer, int(0.1 * steps), steps)
    tokens, seconds, rates = 0, 0.0, []
    model.train()
    for epoch in range(o.epochs):
        batches = data.batches(random.permutation(len(data.ids)).tolist(), o.batch_size, o.mode != "default")
        random.shuffle(batches)
        for chosen in batches:
            start = time.perf_counter()
            ids, mask = data.padded(chosen)
            with precision:
                logits = model(ids, mask).float()
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor([labels.index(data.labels[i]) for i in chosen]))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            elapsed = time.perf_counter() - start
            seconds += elapsed
            tokens += int(mask.sum())
            rates.append(int(mask.sum()) / elapsed)
        print(f"epoch {epoch + 1}: loss {loss:.4f}, {tokens / seconds:.0f} tokens/s", file=sys.stderr)
    return {
        "tokens_per_second": round(tokens / seconds, 1),
        "median_tokens_per_second": round(statistics.median(rates), 1),
        "seconds": round(seconds, 2),
    }


@torch.no_grad()
def accuracy(model, data, labels, precision):
    model.eval()
    right = 0
    with precision:
        for chosen in data.batches(list(range(len(data.ids))), 32, by_length=True):
            best = model(*data.padded(chosen)).argmax(-1).tolist()
            right += sum(labels[b] == data.labels[i] for b, i in zip(best, chosen))
    return right / len(data.ids)


def main():
    o = options()
    torch.manual_seed(o.seed)
    torch.set_num_threads(os.cpu_count())
    tokenizer = AutoTokenizer.from_pretrained(o.model)
    data, test = Data(o.train, tokenizer, o.max_tokens), Data(o.test, tokenizer, o.max_tokens)
    labels = sorted(set(data.labels))
    model = Classifier(load_encoder(o), len(labels))
    precision = torch.autocast("cpu", torch.bfloat16, enabled=o.mode == "bf16")
    result = train(model, data, labels, o, precision)
    result["scores"] = {"accuracy": round(accuracy(model, test, labels, precision), 4)}
    result["trained_parameters"] = sum(value.numel() for value in model.parameters() if value.requires_grad)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result["peak_memory_bytes"] = peak if sys.platform == "darwin" else peak * 1024
    if o.output:
        model.encoder.save_pretrained(o.output)
        save_file(model.head.state_dict(), os.path.join(o.output, "head.safetensors"))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
