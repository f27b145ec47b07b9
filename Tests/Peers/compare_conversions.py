"""Trains adapters with graft, converts them between all formats with `graft convert`, and opens the results with those who read them.

PEFT's folders are opened by PEFT, AdapterHub's by its library. GGUF is read with llama.cpp's `gguf` package and mlx's tensors with
`safetensors`, and put into the weights as llama.cpp (alpha / rank · B A) and mlx-lm (scale · (A B)ᵀ, and for DoRA m / ‖W + …‖) do.
Compared are embeddings, in float64, and for GGUF and mlx the change of every weight. Then each goes back to PEFT's files.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoModel

from compare_adapterhub import opened, train
from graft import Graft, Report, add_options, read_rows, write_rows
from reference import Reference

#: What the `gguf` package itself calls the maps of these families, by the architecture that a file names.
ARCHITECTURES = {"bert": gguf.MODEL_ARCH.BERT, "modern-bert": gguf.MODEL_ARCH.MODERN_BERT, "t5encoder": gguf.MODEL_ARCH.T5ENCODER}

#: Adapters, and the formats that have no place for them.
ADAPTERS = {
    "lora": (["--method", "lora"], []),
    "wide": (["--method", "lora", "--rank", 4, "--alpha", 12, "--targets", "query,key,value,intermediate,output"], []),
    "upper": (["--method", "lora", "--rank", 3, "--targets", "query,value", "--layers", "3-5"], []),
    "rank-stabilized": (["--method", "lora", "--setting", "rank_stabilized=true"], []),
    "dora": (["--method", "dora"], ["adapterhub", "gguf"]),
    "ia3": (["--method", "ia3", "--targets", "key,value,intermediate"], ["mlx", "gguf"]),
    "ia3-usual": (["--method", "ia3"], ["adapterhub", "mlx", "gguf"]),
    "pfeiffer": (["--method", "pfeiffer"], ["peft", "mlx", "gguf"]),
}  # fmt: skip
FORMATS = ["peft", "adapterhub", "mlx", "gguf"]


def peft_weights(folder, base):
    """The weights W + ΔW by the names of modules, of LoRA and DoRA."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = {name: t.astype(np.float64) for name, t in load_file(folder / "adapter_model.safetensors").items()}
    weights = {}
    for name, a in tensors.items():
        if name.endswith(".lora_A.weight"):
            module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            alpha = config.get("alpha_pattern", {}).get(module, config["lora_alpha"])
            scale = alpha / (len(a) ** 0.5 if config.get("use_rslora") else len(a))
            change = scale * tensors[name.replace("lora_A", "lora_B")] @ a
            weights[module] = with_lengths(base[module] + change, tensors.get(name.replace("lora_A.weight", "lora_magnitude_vector")))
    return weights


def with_lengths(weight, lengths):
    """DoRA: the rows of a weight brought to these lengths."""
    return weight if lengths is None else lengths[:, None] / np.linalg.norm(weight, axis=1, keepdims=True) * weight


def gguf_weights(path, base):
    reader = gguf.GGUFReader(path)
    text = lambda key: reader.fields[key].contents()
    assert (text("general.type"), text("adapter.type")) == ("adapter", "lora")
    names = gguf.get_tensor_name_map(ARCHITECTURES[text("general.architecture")], 64)
    alpha = text("adapter.lora.alpha")
    tensors = {t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float64) for t in reader.tensors}
    modules = {f"{names.get_name(module)}.weight": module for module in base if names.get_name(module)}
    weights = {}
    for name, a in tensors.items():
        if name.endswith(".lora_a"):
            module = modules[name.removesuffix(".lora_a")]
            b = tensors[name.removesuffix("a") + "b"]
            weights[module] = base[module] + (alpha / len(a) if alpha else 1) * b @ a
    assert len(weights) * 2 == len(tensors), "a tensor of the GGUF file is half of no pair"
    return weights


def mlx_weights(folder, base):
    config = json.loads((folder / "adapter_config.json").read_text())
    scale = config["lora_parameters"]["scale"]
    tensors = {name: t.astype(np.float64) for name, t in load_file(folder / "adapters.safetensors").items()}
    weights = {}
    for name, a in tensors.items():
        if name.endswith(".lora_a"):
            module = name.removesuffix(".lora_a")
            lengths = tensors[f"{module}.m"] if config["fine_tune_type"] == "dora" else None
            weights[module] = with_lengths(base[module] + scale * (a @ tensors[f"{module}.lora_b"]).T, lengths)
    # mlx-lm adapts what `keys` and `num_layers` name, and passes over the tensors of other modules.
    config_keys = set(config["lora_parameters"]["keys"])
    layers = max(int(m.split(".")[2]) for m in base if m.startswith("encoder.layer.")) + 1
    for module in base:
        parts = module.split(".")
        is_layer = module.startswith("encoder.layer.") and int(parts[2]) >= layers - config["num_layers"]
        is_adapted = module in config_keys or is_layer and ".".join(parts[3:]) in config_keys
        assert is_adapted == (module in weights), f"mlx-lm would not find the adapter of {module}"
    return weights


class Comparison:
    def __init__(self, graft, report, model, texts, folder):
        self.graft, self.report, self.model, self.texts, self.folder = graft, report, model, texts, folder
        encoder = AutoModel.from_pretrained(model, dtype=torch.float64)
        self.base = {
            name: module.weight.detach().numpy() for name, module in encoder.named_modules() if isinstance(module, torch.nn.Linear)
        }

    def convert(self, source, form, output, *more):
        return json.loads(
            self.graft.run(
                "convert", "--adapter", source, "--model", self.model, "--to", form, "--output", output, "--json", *more
            )
        )

    def is_refused(self, source, form):
        output = self.folder / "refused"
        command = [self.graft.binary, "convert", "--adapter", source, "--model", self.model, "--to", form, "--output", output]
        outcome = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        print(f"  {form}: {outcome.stderr.strip() or outcome.stdout.strip()}")
        return outcome.returncode == 1 and not output.exists()

    def embeddings(self, form, path):
        """What the format's own reader computes, in float64."""
        if form == "adapterhub":
            return opened(self.model, path, self.texts)
        if form == "peft":
            return Reference(self.model, path).pooled(self.texts, "mean", normalize=True)
        reference = Reference(self.model)
        with torch.no_grad():
            for module, weight in self.weights(form, path).items():
                reference.encoder.get_submodule(module).weight.copy_(torch.from_numpy(weight))
        return reference.pooled(self.texts, "mean", normalize=True)

    def weights(self, form, path):
        return {"peft": peft_weights, "gguf": gguf_weights, "mlx": mlx_weights}[form](path, self.base)

    def compare_changes(self, name, expected, found):
        """The largest difference of a weight's change, as a share of the largest number of that change."""
        assert set(expected) == set(found), f"{name}: other maps: {sorted(set(expected) ^ set(found))}"
        pairs = [(expected[m] - self.base[m], found[m] - self.base[m]) for m in expected]
        self.report.within(f"{name}, changes of {len(pairs)} weights", max(np.abs(b - a).max() / np.abs(a).max() for a, b in pairs), 2e-6)

    def run(self, name, source, refused):
        print(f"{name}:")
        own = "adapterhub" if (source / "adapter.safetensors").exists() else "peft"
        expected = self.graft.embed(self.model, self.texts, source)
        for form in FORMATS:
            if form in refused:
                assert self.is_refused(source, form), f"{name} should not go to {form}"
                continue
            output = self.folder / f"{name}-{form}{'.gguf' if form == 'gguf' else ''}"
            said = self.convert(source, form, output)
            print(f"  {form}: exact {said['exact']}, embeddings differ by {said['embedding_difference']:.3g}, left behind {said['left_behind']}")
            self.report.compare(f"  {form}, opened there", self.embeddings(form, output), expected)
            if form in ("mlx", "gguf"):
                self.compare_changes(f"  {form}", self.weights("peft", source), self.weights(form, output))
            if own == "peft" and form != "peft":
                back = self.folder / f"{name}-{form}-peft"
                self.convert(output, "peft", back)
                self.report.compare(f"  {form}, and back", self.graft.embed(self.model, self.texts, back), expected)
                if "ia3" not in name:
                    self.compare_changes(f"  {form} and back", self.weights("peft", source), self.weights("peft", back))
            if form == "gguf" and name == "lora":
                for kind, goal in [("float16", 2e-3), ("bfloat16", 2e-2)]:
                    half = self.folder / f"{name}-{kind}.gguf"
                    self.convert(source, form, half, "--type", kind)
                    self.report.compare(f"  gguf in {kind}", self.embeddings(form, half), expected, goal=goal)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="an encoder folder of BERT's family with mean pooling, normalized")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    parser.add_argument("--texts", type=int, default=16, help="how many texts to compare")
    add_options(parser)
    o = parser.parse_args()
    graft, report = Graft(o.graft), Report()
    texts = [" ".join(row["text"].split()[:60]) for row in read_rows(o.data, o.texts)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = folder / "rows.jsonl"
        write_rows(rows, read_rows(o.data, 32))
        comparison = Comparison(graft, report, o.model, texts, folder)
        for name, (options, refused) in ADAPTERS.items():
            source = train(graft, o.model, rows, folder / name, options[1], {}, *options[2:])
            comparison.run(name, source, refused)
    report.finish()


if __name__ == "__main__":
    main()
