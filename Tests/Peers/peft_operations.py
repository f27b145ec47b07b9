"""What adapters cost with PEFT on the CPU: from process start to the first answer, loading, switching, mixing, merging.

Prints one JSON object, times in milliseconds, medians where a thing is done more than once. The adapter has LoRA of rank 8 on query
and value; the names are those of `side_by_side_operations.py`.
"""

import argparse
import json
import os
import statistics
import time

STARTED = time.perf_counter()
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModel, AutoTokenizer
from transformers import logging as transformers_logging

from pooling import pool

SENTENCE = "The quick brown fox jumps over the lazy dog."
ADAPTERS = ["first", "second", "third", "fourth"]


def median(work, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an encoder folder")
    parser.add_argument("--adapter", help="an adapter folder that is there: answer one sentence with it, and nothing else")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of each text of the batches")
    o = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    transformers_logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(o.model)
    if o.adapter:
        model = PeftModel.from_pretrained(AutoModel.from_pretrained(o.model), o.adapter).eval()
        batch = tokenizer([SENTENCE], return_tensors="pt")
        vector = pool(model(**batch).last_hidden_state, batch["attention_mask"], "mean")
        print(json.dumps({"inside_ms": round(1000 * (time.perf_counter() - STARTED), 1), "width": vector.shape[1]}))
        return
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["query", "value"], init_lora_weights=False)
    temporary = tempfile.TemporaryDirectory()
    folder = temporary.name
    model = get_peft_model(AutoModel.from_pretrained(o.model), config, adapter_name="first")
    model.save_pretrained(folder, selected_adapters=["first"])
    model.eval()
    names = iter([*ADAPTERS[1:], *(f"more-{i}" for i in range(100))])
    result = {"load": median(lambda: model.load_adapter(f"{folder}/first", adapter_name=next(names)), 7)}
    turn = iter(ADAPTERS * 100)
    result["swap"] = median(lambda: model.set_adapter(next(turn)), 41)
    one = tokenizer([SENTENCE], return_tensors="pt")
    result["one_sentence"] = median(lambda: model(**one), 31)
    ids = torch.randint(1000, 20000, (32, o.tokens))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    model.set_adapter("first")
    result["batch"] = median(lambda: model(**batch), 7)
    mixed = [ADAPTERS[i % len(ADAPTERS)] for i in range(len(ids))]
    result["mixed_batch"] = median(lambda: model(**batch, adapter_names=mixed), 7)
    for i in range(4, 64):
        model.add_adapter(f"own-{i}", config)
    model.eval()
    names = [*ADAPTERS, *(f"own-{i}" for i in range(4, 64))]
    for count, tokens in ((64, o.tokens), (256, 16)):
        ids = torch.randint(1000, 20000, (count, tokens))
        texts = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        for adapters in (1, 4, 64):
            chosen = [names[i % adapters] for i in range(count)]
            model.set_adapter("first")
            # One adapter is the active one; several are named text by text.
            line = {} if adapters == 1 else {"adapter_names": chosen}
            result[f"mixture_{count}x{tokens}_{adapters}"] = median(lambda: model(**texts, **line), 5)

    def tasks(texts):
        for name in ADAPTERS:
            model.set_adapter(name)
            model(**texts)

    result["four_tasks_32"] = median(lambda: tasks(batch), 5)
    short = torch.randint(1000, 20000, (1, 16))
    result["four_tasks_1"] = median(lambda: tasks({"input_ids": short, "attention_mask": torch.ones_like(short)}), 21)
    model.set_adapter("first")
    start = time.perf_counter()
    merged = model.merge_and_unload()
    result["merge"] = 1000 * (time.perf_counter() - start)
    start = time.perf_counter()
    merged.save_pretrained(f"{folder}/merged")
    result["written_merge"] = result["merge"] + 1000 * (time.perf_counter() - start)
    temporary.cleanup()
    print(json.dumps({name: round(value, 3) for name, value in result.items()}))


if __name__ == "__main__":
    main()
