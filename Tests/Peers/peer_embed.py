"""One peer's embeddings, by request: loads, warms up, and then answers each line of standard input with a line of JSON.

    pass        the median seconds of embedding all texts, cutting them into tokens included
    one         the median seconds of embedding one short sentence
    save FILE   writes the embeddings as a NumPy array

The peers run at their best: batches of like length, all cores, no gradients. For ONNX Runtime the encoder is exported by
PyTorch, its norms and GELUs are fused by ONNX Runtime's own optimizer, and int8 is dynamic and per channel.
"""

import argparse
import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
warnings.filterwarnings("ignore")

import numpy
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers import logging as transformers_logging

from pooling import pool

KINDS = [f"{name} {type}" for name in ("transformers", "sentence-transformers") for type in ("float32", "bfloat16")]
KINDS += ["ONNX Runtime float32", "ONNX Runtime int8"]
BATCH = 32
SENTENCE = "The quick brown fox jumps over the lazy dog."

transformers_logging.set_verbosity_error()


class Bare:
    """Hidden states of padded batches, pooled by mean and normalized. Subclasses give the states."""

    def __init__(self, model, max_tokens):
        self.tokenizer, self.max_tokens = AutoTokenizer.from_pretrained(model), max_tokens

    def embed(self, texts):
        rows = self.tokenizer(texts, truncation=True, max_length=self.max_tokens)["input_ids"]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]), reverse=True)
        result = [None] * len(rows)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            ids = [torch.tensor(rows[i]) for i in chosen]
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in ids], batch_first=True)
            ids = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
            pooled = pool(self.states(ids, mask).float(), mask, "mean")
            for i, vector in zip(chosen, torch.nn.functional.normalize(pooled, dim=-1)):
                result[i] = vector
        return torch.stack(result).numpy()


class Transformers(Bare):
    def __init__(self, model, type, max_tokens, folder):
        super().__init__(model, max_tokens)
        self.model = AutoModel.from_pretrained(model, dtype=getattr(torch, type)).eval()

    def states(self, ids, mask):
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state


class SentenceTransformers:
    def __init__(self, model, type, max_tokens, folder):
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(model, device="cpu", model_kwargs={"dtype": getattr(torch, type)})
        self.model.max_seq_length = max_tokens

    def embed(self, texts):
        return self.model.encode(texts, batch_size=BATCH, show_progress_bar=False, convert_to_tensor=True).float().numpy()


class ONNXRuntime(Bare):
    def __init__(self, model, type, max_tokens, folder):
        super().__init__(model, max_tokens)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count()
        path = exported(model, Path(folder))[type]
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def states(self, ids, mask):
        return torch.from_numpy(self.session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0])


def exported(model, folder):
    """The encoder as ONNX files in `folder`, made if they are not there."""
    paths = {type: folder / f"{Path(model).name}-{type}.onnx" for type in ("float32", "int8")}
    if all(path.exists() for path in paths.values()):
        return paths
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    class States(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = AutoModel.from_pretrained(model, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask):
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    config = AutoConfig.from_pretrained(model)
    example = torch.full((2, 16), 1000), torch.ones(2, 16, dtype=torch.int64)
    axes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
    plain = folder / f"{Path(model).name}-plain.onnx"
    torch.onnx.export(
        States(), example, plain, input_names=["input_ids", "attention_mask"], output_names=["states"],
        dynamic_shapes={"input_ids": axes, "attention_mask": axes}, dynamo=True, external_data=False, verbose=False,
    )  # fmt: skip
    fused = optimizer.optimize_model(
        str(plain), model_type="bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size, opt_level=0
    )
    fused.save_model_to_file(str(paths["float32"]))
    quantize_dynamic(paths["float32"], paths["int8"], weight_type=QuantType.QInt8, per_channel=True)
    plain.unlink()
    return paths


def median(work, seconds, least):
    times = []
    while len(times) < least or sum(times) < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts", help="a .jsonl file with a text in each row")
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=1, help="a request goes on for at least so long")
    parser.add_argument("--folder", default=".", help="where ONNX files are kept")
    o = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    answers, sys.stdout = sys.stdout, sys.stderr  # packages print what they like
    with open(o.texts, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    name, type = o.kind.rsplit(" ", 1)
    makers = {"transformers": Transformers, "sentence-transformers": SentenceTransformers, "ONNX Runtime": ONNXRuntime}
    peer = makers[name](o.model, type, o.max_tokens, o.folder)

    def answer(**fields):
        print(json.dumps(fields), file=answers, flush=True)

    peer.embed(texts)
    peer.embed([SENTENCE])
    tokenizer = AutoTokenizer.from_pretrained(o.model)
    rows = tokenizer(texts, truncation=True, max_length=o.max_tokens)["input_ids"]
    answer(texts=len(rows), tokens=sum(map(len, rows)))
    for line in sys.stdin:
        request, _, path = line.strip().partition(" ")
        if request == "pass":
            answer(seconds=median(lambda: peer.embed(texts), o.seconds, 1))
        elif request == "one":
            answer(seconds=median(lambda: peer.embed([SENTENCE]), 0, 31))
        elif request == "save":
            numpy.save(path, peer.embed(texts))
            answer(saved=path)
        else:
            raise SystemExit(f"a request is pass, one or save FILE, not '{line.strip()}'")


if __name__ == "__main__":
    main()
