"""Combines adapters that graft trained, by every method of `graft combine`, and extracts one from two checkpoints; beside PEFT and torch.

Where PEFT's `add_weighted_adapter` is right its change of each weight is compared; all are compared with the change that the method means,
computed with torch in float64 from the files, and with torch's singular values. Of DARE, whose choices are random, each number has to be
one of those that the choices can give, in the right shares. Differences are shares of the largest number of a weight's change.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from compare_adapterhub import train
from graft import Graft, Report, add_options, read_rows, write_rows

#: Of other ranks, scales and places. PEFT takes names that are a part of "lora_" for something else.
ADAPTERS = {
    "first": ["--rank", 8, "--alpha", 16, "--targets", "query,value", "--seed", 1],
    "second": ["--rank", 4, "--alpha", 10, "--targets", "value,output", "--seed", 2],
    "stable": ["--rank", 8, "--alpha", 5, "--targets", "query,value", "--setting", "rank_stabilized=true", "--seed", 3],
    "dora": ["--rank", 6, "--alpha", 9, "--targets", "query,intermediate", "--setting", "dora=true", "--seed", 4],
}  # fmt: skip
GOAL = 1e-6
#: PEFT's factors are float32, and so are their products with weights there.
PEFT_GOAL = 5e-6
#: A rank that leaves nothing out.
FULL = 4096


class Algebra:
    def __init__(self, graft, report, model, folder):
        self.graft, self.report, self.model, self.folder = graft, report, model, folder
        self.base = self.weights_of(model)
        self.count = 0

    @staticmethod
    def weights_of(model):
        encoder = AutoModel.from_pretrained(model, dtype=torch.float64)
        return {n: m.weight.detach() for n, m in encoder.named_modules() if isinstance(m, torch.nn.Linear)}

    def factors(self, folder):
        """B and A with the scale of each map, and the lengths of its rows where those were trained."""
        config = json.loads((folder / "adapter_config.json").read_text())
        tensors = {name: t.double() for name, t in load_file(folder / "adapter_model.safetensors").items()}
        factors = {}
        for name, a in tensors.items():
            if not name.endswith(".lora_A.weight"):
                continue
            module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            alpha = pattern(config.get("alpha_pattern") or {}, module, config["lora_alpha"])
            scale = alpha / (len(a) ** 0.5 if config.get("use_rslora") else len(a))
            lengths = tensors.get(name.replace("lora_A.weight", "lora_magnitude_vector"))
            factors[module] = (tensors[name.replace("lora_A", "lora_B")], a, scale, lengths)
        return factors

    def changes(self, folder):
        """ΔW of each map."""
        changes = {}
        for module, (b, a, scale, lengths) in self.factors(folder).items():
            weight = self.base[module] + scale * b @ a
            if lengths is None:
                changes[module] = scale * b @ a
            else:
                changes[module] = lengths[:, None] / weight.norm(dim=1, keepdim=True) * weight - self.base[module]
        return changes

    def combine(self, weights, *options):
        self.count += 1
        output = self.folder / f"combined-{self.count}"
        parts = [word for name, weight in weights.items() for word in ("--adapter", f"{self.folder / name}={weight}")]
        said = self.graft.run(
            "combine", "--model", self.model, *parts, "--head", "none", "--output", output, "--json", *options
        )
        return output, json.loads(said)

    def peft(self, weights, **options):
        """The change of each weight as PEFT's add_weighted_adapter makes it, in float64."""
        names = list(weights)
        encoder = AutoModel.from_pretrained(self.model, dtype=torch.float64)
        model = PeftModel.from_pretrained(encoder, self.folder / names[0], adapter_name=names[0], autocast_adapter_dtype=False)
        for name in names[1:]:
            model.load_adapter(self.folder / name, adapter_name=name, autocast_adapter_dtype=False)
        model = model.double()
        model.add_weighted_adapter(names, list(weights.values()), "combined", **options)
        model = model.double()
        with torch.no_grad():
            return {
                name.removeprefix("base_model.model."): module.get_delta_weight("combined")
                for name, module in model.named_modules()
                if "combined" in getattr(module, "lora_A", {})
            }

    def compare(self, name, found, expected, goal=GOAL):
        """The largest difference over all maps, each as a share of its largest number; maps of nothing may be left out."""
        for module in found.keys() - expected.keys():
            raise SystemExit(f"{name}: {module} is changed and should not be")
        shares = []
        for module, change in expected.items():
            size = change.abs().max()
            if module not in found:
                if size > 1e-9:
                    raise SystemExit(f"{name}: {module} is not changed and should be")
                continue
            shares.append((found[module] - change).abs().max() / size)
        self.report.within(f"{name}, {len(shares)} maps", torch.stack(shares).max(), goal)

    def sum(self, weights, prune=lambda change: change):
        total = {}
        for name, weight in weights.items():
            for module, change in self.changes(self.folder / name).items():
                total[module] = total.get(module, 0) + weight * prune(change)
        return total

    def best(self, changes, rank):
        """The best of a rank for each change, and the share of its energy that is lost."""
        best, lost = {}, {}
        for module, change in changes.items():
            u, s, v = torch.linalg.svd(change, full_matrices=False)
            best[module] = u[:, :rank] * s[:rank] @ v[:rank]
            lost[module] = (s[rank:].square().sum() / s.square().sum()).item()
        return best, lost


def module_of(site):
    """The module of "layer.0.query" in BERT."""
    _, layer, name = site.split(".")
    return f"encoder.layer.{layer}." + {
        "attentionOutput": "attention.output.dense", "intermediate": "intermediate.dense", "output": "output.dense"
    }.get(name, f"attention.self.{name}")  # fmt: skip


def pattern(patterns, module, usual):
    return next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", module)), usual)


def trimmed(change, density):
    """The share `density` of the numbers that are largest; others are zero."""
    count = max(1, int(density * change.numel()))
    least = change.abs().flatten().sort(descending=True).values[count - 1]
    return torch.where(change.abs() >= least, change, 0)


def ties(parts):
    """The mean, by weights, of the numbers that have the sign of the sum; PEFT's `disjoint_merge`."""
    stack = torch.stack(parts)
    agrees = torch.sign(stack) == torch.sign(stack.sum(0))
    return (stack * agrees).sum(0) / agrees.sum(0).clamp(min=1)


def combinations(algebra):
    pairs = {"alike": {"first": 0.7, "stable": 0.3}, "unlike": {"first": 1.0, "second": -0.5}, "three": {"first": 0.5, "second": 1.5, "stable": -1}}
    for title, weights in pairs.items():
        exact = algebra.sum(weights)
        output, said = algebra.combine(weights)
        found = algebra.changes(output)
        algebra.compare(f"cat, {title}", found, exact)
        algebra.compare(f"cat, {title}, beside PEFT", found, algebra.peft(weights, combination_type="cat"), PEFT_GOAL)

        for rank in [None, 3]:
            output, said = algebra.combine(weights, "--method", "svd", *([] if rank is None else ["--rank", rank]))
            found = algebra.changes(output)
            # The usual rank is the largest of the adapters that a map has.
            own = {m: rank or max(len(f[m][1]) for n in weights if m in (f := algebra.factors(algebra.folder / n))) for m in exact}
            best = {m: algebra.best({m: exact[m]}, own[m])[0][m] for m in exact}
            algebra.compare(f"svd of rank {rank or 'usual'}, {title}", found, best)
            if rank:
                peft = algebra.peft(weights, combination_type="svd", svd_rank=rank)
                algebra.compare(f"svd of rank {rank}, {title}, beside PEFT", found, peft, PEFT_GOAL)
            meant = sum(c.square().sum() for c in exact.values())
            lost = (sum((exact[m] - best[m]).square().sum() for m in exact) / meant).sqrt()
            algebra.report.within(f"svd of rank {rank or 'usual'}, {title}, error said", abs(said["relative_error"] - lost) / lost)

    # PEFT adds factors where all adapters have the same rank and places, and weights are positive.
    weights = pairs["alike"]
    output, _ = algebra.combine(weights, "--method", "linear")
    peft = algebra.peft(weights, combination_type="linear")
    algebra.compare("linear, beside PEFT", algebra.changes(output), peft, PEFT_GOAL)

    for density in [0.3, 0.6]:
        output, _ = algebra.combine(weights, "--method", "magnitude", "--density", density, "--rank", FULL)
        found = algebra.changes(output)
        algebra.compare(f"magnitude {density}", found, algebra.sum(weights, lambda c: trimmed(c, density)), GOAL)
        peft = algebra.peft(weights, combination_type="magnitude_prune_svd", svd_rank=384, density=density)
        algebra.compare(f"magnitude {density}, beside PEFT", found, peft, PEFT_GOAL)

        output, _ = algebra.combine({"first": 1, "stable": 1}, "--method", "ties", "--density", density, "--rank", FULL)
        found = algebra.changes(output)
        parts = [algebra.changes(algebra.folder / name) for name in ("first", "stable")]
        meant = {m: ties([trimmed(part[m], density) for part in parts]) for m in parts[0]}
        algebra.compare(f"ties {density}", found, meant, GOAL)
        peft = algebra.peft({"first": 1, "stable": 1}, combination_type="ties_svd", svd_rank=384, density=density)
        algebra.compare(f"ties {density}, beside PEFT", found, peft, PEFT_GOAL)
        dare(algebra, weights, density)


def dare(algebra, weights, density):
    """Each number is one of the sums that leaving parts out can give, and each part is left out as often as it should."""
    output, _ = algebra.combine(weights, "--method", "dare", "--density", density, "--rank", FULL, "--seed", 7)
    found = algebra.changes(output)
    parts = [{m: w * c / density for m, c in algebra.changes(algebra.folder / n).items()} for n, w in weights.items()]
    meant, kept, numbers = {}, torch.zeros(len(parts)), 0
    for module, change in found.items():
        left, right = parts[0][module], parts[1][module]
        choices = torch.stack([torch.zeros_like(left), left, right, left + right])
        nearest = (choices - change).abs().argmin(0)
        meant[module] = choices.gather(0, nearest[None])[0]
        # Where a choice is nearer than rounding to another one, which it was cannot be told.
        kept += torch.tensor([((nearest == 1) | (nearest == 3)).sum(), ((nearest == 2) | (nearest == 3)).sum()])
        numbers += change.numel()
    algebra.compare(f"dare {density}", found, meant)
    algebra.report.within(f"dare {density}, shares kept", (kept / numbers - density).abs().max() / density, 0.01)


def with_dora(algebra):
    weights = {"dora": 1.0, "first": -0.6}
    exact = algebra.sum(weights)
    for rank in [8, 24]:
        output, said = algebra.combine(weights, "--method", "svd", "--rank", rank)
        best, _ = algebra.best(exact, rank)
        algebra.compare(f"a DoRA and a LoRA, svd of rank {rank}", algebra.changes(output), best)
    output, _ = algebra.combine(weights, "--method", "svd", "--energy", 0.9)
    ranks = {m: len(f[1]) for m, f in algebra.factors(output).items()}
    for module, change in exact.items():
        energies = torch.linalg.svdvals(change).square()
        enough = int((energies.cumsum(0) < 0.9 * energies.sum()).sum()) + 1
        if ranks[module] != enough:
            raise SystemExit(f"an energy of 0.9 takes rank {enough} at {module}, found {ranks[module]}")
    print(f"a DoRA and a LoRA, energy of 0.9: the same ranks as torch's, {min(ranks.values())} to {max(ranks.values())}: ok")


def extraction(algebra):
    """A tuned checkpoint: the base with a sum merged into it and noise on every linear map."""
    tuned = algebra.folder / "tuned"
    algebra.graft.run("merge", "--model", algebra.model, "--adapter", algebra.folder / "first", "--adapter", algebra.folder / "second", "--output", tuned, "--head", "first")
    file = tuned / "model.safetensors"
    tensors, generator = load_file(file), torch.Generator().manual_seed(0)
    modules = [m for m in algebra.base if m.startswith("encoder.layer.")]
    for module in modules:
        weight = tensors[f"{module}.weight"]
        weight += 1e-3 * torch.randn(weight.shape, generator=generator)
    save_file(tensors, file, {"format": "pt"})
    # What the files hold, so that both see the same.
    exact = {m: tensors[f"{m}.weight"].double() - algebra.base[m] for m in modules}
    for rank in [4, 16]:
        output = algebra.folder / f"extracted-{rank}"
        said = json.loads(algebra.graft.run("extract", "--base", algebra.model, "--tuned", tuned, "--rank", rank, "--keep", "none", "--output", output, "--json"))
        best, lost = algebra.best(exact, rank)
        algebra.compare(f"extract, rank {rank}", algebra.changes(output), best)
        kept = torch.tensor([m["energy_kept"] for m in said["maps"]], dtype=torch.float64)
        expected = torch.tensor([1 - lost[module_of(m["map"])] for m in said["maps"]], dtype=torch.float64)
        algebra.report.within(f"extract, rank {rank}, energy said", ((kept - expected) / expected).abs().max())
    output = algebra.folder / "extracted-energy"
    algebra.graft.run("extract", "--base", algebra.model, "--tuned", tuned, "--energy", 0.7, "--keep", "none", "--output", output, "--json")
    ranks = {m: len(f[1]) for m, f in algebra.factors(output).items()}
    for module, change in exact.items():
        energies = torch.linalg.svdvals(change).square()
        enough = int((energies.cumsum(0) < 0.7 * energies.sum()).sum()) + 1
        if ranks[module] != enough:
            raise SystemExit(f"an energy of 0.7 takes rank {enough} at {module}, found {ranks[module]}")
    print(f"extract, energy of 0.7: the same ranks as torch's, {min(ranks.values())} to {max(ranks.values())}: ok")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="an encoder folder of BERT's family")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    add_options(parser)
    o = parser.parse_args()
    graft, report = Graft(o.graft), Report()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = folder / "rows.jsonl"
        write_rows(rows, read_rows(o.data, 32))
        for name, options in ADAPTERS.items():
            train(graft, o.model, rows, folder / name, "lora", {}, *options)
        algebra = Algebra(graft, report, o.model, folder)
        combinations(algebra)
        with_dora(algebra)
        extraction(algebra)
    report.finish()


if __name__ == "__main__":
    main()
