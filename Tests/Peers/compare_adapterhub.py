"""Opens folders that graft trained in AdapterHub's library, and compares embeddings: every method, fusion, and LoRA converted.

Prints too where the library itself goes wrong, with numbers.
"""

import argparse
import json
import tempfile
from pathlib import Path

import adapters
import torch
from adapters import AutoAdapterModel, DiReftConfig, LoReftConfig
from adapters.composition import Fuse
from transformers import AutoConfig, AutoModel, AutoTokenizer

from graft import Graft, Report, add_options, read_rows, write_rows

METHODS = {
    "houlsby": {},
    "pfeiffer": {},
    "parallel": {},
    "compacter": {},
    "compacter++": {},
    "loreft": {"rank": 4, "suffix_positions": 2},
    "noreft": {"rank": 4},
    "direft": {"rank": 4},
}


def train(graft, model, rows, output, method, settings=(), *more):
    options = [word for name, value in dict(settings).items() for word in ("--setting", f"{name}={value}")]
    recipe = ["--epochs", 1, "--max-tokens", 64, "--learning-rate", 3e-3, "--quiet", *more]
    graft.run("train", "--model", model, "--train", rows, "--output", output, "--method", method, *options, *recipe)
    return output


class Peer:
    """Mean-pooled, normalized embeddings by the library, in float64."""

    def __init__(self, model):
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.model = AutoAdapterModel.from_pretrained(model, dtype=torch.float64)

    @torch.no_grad()
    def embed(self, texts):
        vectors = []
        # The library makes zeros of the default type where ReFT takes no tokens, which a map in float64 refuses.
        torch.set_default_dtype(torch.float64)
        for text in texts:
            inputs = self.tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
            states = self.model.base_model(**inputs).last_hidden_state[0]
            vectors.append(torch.nn.functional.normalize(states.mean(0), dim=0))
        torch.set_default_dtype(torch.float32)
        return torch.stack(vectors)

    def load(self, folder):
        name = self.model.load_adapter(str(folder), use_safetensors=True, set_active=True)
        self.model.double().eval()
        return name


def opened(model, folder, texts, over=None):
    """`over`: the configuration of an adapter to load the values into, where the library does not read its own."""
    peer = Peer(model)
    if over:
        name = json.loads((folder / "adapter_config.json").read_text())["name"]
        # What is loaded over an adapter is as active as that was, whatever is asked for.
        peer.model.add_adapter(name, config=over, set_active=True)
    peer.load(folder)
    return peer.embed(texts)


def fused(model, folder, texts):
    peer = Peer(model)
    names = json.loads((folder / "adapter_fusion_config.json").read_text())["adapter_names"]
    for name in names:
        peer.model.load_adapter(str(folder / name), use_safetensors=True)
    peer.model.load_adapter_fusion(str(folder), use_safetensors=True, set_active=True)
    peer.model.set_active_adapters(Fuse(*names))
    peer.model.double().eval()
    return peer.embed(texts)


def faults(model, folder, texts):
    """What the library does not get right itself: its own folder, opened by itself."""
    for title, configuration in [("DiReFT", DiReftConfig(r=2, dropout=0.0))]:
        peer = Peer(model)
        peer.model.add_adapter("own", config=configuration, set_active=True)
        torch.manual_seed(0)
        for name, value in peer.model.named_parameters():
            if ".own." in name:
                value.data.normal_(std=0.2)
        peer.model.double().eval()
        before = peer.embed(texts)
        peer.model.save_adapter(str(folder / title), "own", with_head=False, use_safetensors=True)
        after = opened(model, folder / title, texts)
        print(f"{title}, saved and opened by the library: embeddings differ by {(before - after).abs().max():.3g}")
    for kind in ["modernbert"]:
        bare = AutoModel.from_config(AutoConfig.for_model(kind, num_hidden_layers=2, hidden_size=64, num_attention_heads=2, intermediate_size=96)).double().eval()
        ids = torch.arange(5, 25)[None]
        with torch.no_grad():
            before = bare(input_ids=ids).last_hidden_state
            adapters.init(bare)
            after = bare.double()(input_ids=ids).last_hidden_state
        print(f"{kind}, adapters.init alone: states differ by {(before - after).abs().max():.3g} of {before.abs().max():.3g}")
    peer = Peer(model)
    peer.model.add_adapter("own", config=LoReftConfig(r=2, dropout=0.0), set_active=True)
    rows = [m for m in peer.model.modules() if type(m).__name__ == "ReftUnit"][0].projection
    peer.model.train_adapter("own")
    optimizer = torch.optim.AdamW([p for p in peer.model.parameters() if p.requires_grad], lr=1e-3, weight_decay=0.01)
    start = rows.weight.norm().item()
    for parameter in rows.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    print(f"LoReFT, one step of AdamW with weight decay: |R| goes from {start:.3g} to {rows.weight.norm().item():.3g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an encoder folder with mean pooling, normalized")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    parser.add_argument("--method", action="append", choices=METHODS, help="only this, and nothing else (default: all, and all else)")
    parser.add_argument("--texts", type=int, default=24, help="how many texts to compare")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report, model = Graft(arguments.graft), Report(), arguments.model
    texts = [" ".join(row["text"].split()[:60]) for row in read_rows(arguments.data, arguments.texts)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = folder / "rows.jsonl"
        write_rows(rows, read_rows(arguments.data, 64))
        for method in arguments.method or METHODS:
            output = train(graft, model, rows, folder / method.replace("+", "p"), method, METHODS[method])
            over = DiReftConfig(r=4, dropout=0.0) if method == "direft" else None
            report.compare(method, graft.embed(model, texts, output), opened(model, output, texts, over))
        if arguments.method:
            report.finish()
        parts = [train(graft, model, rows, folder / name, "pfeiffer", {}, "--seed", seed) for seed, name in enumerate(["one", "two"])]
        output = train(graft, model, rows, folder / "fusion", "fusion", {"adapters": ",".join(map(str, parts))})
        report.compare("fusion", graft.embed(model, texts, output), fused(model, output, texts))
        lora = train(graft, model, rows, folder / "lora", "lora")
        output = folder / "lora-hub"
        print(graft.run("convert", "--adapter", lora, "--model", model, "--to", "adapterhub", "--output", output))
        report.compare("LoRA, converted", graft.embed(model, texts, lora), opened(model, output, texts))
        faults(model, folder, texts)
    report.finish()


if __name__ == "__main__":
    main()
