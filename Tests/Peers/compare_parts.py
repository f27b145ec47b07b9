"""Trains adapters whose parts have methods of their own, and opens each part with PEFT: are all of them together graft's?

What `PeftMixedModel` reads (LoRA, LoHa, LoKr, AdaLoRA; of OFT it says that it does, and refuses its folders) is opened by it, all parts
active at once. Other methods are put on one model by hand, a `PeftModel` on the model within the other: (IA)³ and LoRA.
"""

import argparse
import json
import tempfile
from pathlib import Path

from peft import PeftMixedModel, PeftModel
from peft.mapping import PEFT_TYPE_TO_MIXED_MODEL_MAPPING
from peft.tuners.mixed.model import COMPATIBLE_TUNER_TYPES

from graft import Graft, Report, add_options, read_rows, write_rows
from reference import Reference

PARTS = {
    "ia3 below lora": [
        {"layers": "0-2", "method": "ia3"},
        {"layers": "3-5", "method": "lora", "rank": 8},
    ],
    "lora of two ranks and oft": [
        {"layers": "0-1", "method": "oft", "block_size": 16},
        {"layers": "2-3", "method": "lora", "rank": 4},
        {"layers": "4-5", "method": "lora", "rank": 8, "targets": "all-linear"},
    ],
    "loha, lokr, dora": [
        {"layers": "0-1", "method": "loha", "rank": 4},
        {"layers": "2-3", "method": "lokr", "rank": 4},
        {"layers": "4-5", "method": "dora", "rank": 4},
    ],
    "ia3 between loras, norms": [
        {"layers": "0-1", "method": "lora", "rank": 4},
        {"layers": "2-3", "method": "ia3"},
        {"layers": "4-5", "method": "lora", "rank": 4, "rank_stabilized": True},
        {"method": "ln-tuning"},
    ],
}


class OfParts(Reference):
    """A model with all parts of a folder on it."""

    def __init__(self, model, folder):
        super().__init__(model)
        if (folder / "adapter_config.json").exists():
            raise SystemExit(f"{folder} has an adapter_config.json, so PEFT would take one part for the whole")
        parts = [folder / name for name in json.loads((folder / "adapter_parts.json").read_text())["parts"]]
        kinds = {json.loads((part / "adapter_config.json").read_text())["peft_type"] for part in parts}
        self.isMixed = kinds <= {
            kind.value for kind in set(PEFT_TYPE_TO_MIXED_MODEL_MAPPING).intersection(COMPATIBLE_TUNER_TYPES)
        }
        if self.isMixed:
            mixed = PeftMixedModel.from_pretrained(self.encoder, parts[0], adapter_name=parts[0].name)
            for part in parts[1:]:
                mixed.load_adapter(part, adapter_name=part.name)
            mixed.set_adapter([part.name for part in parts])
            self.encoder = mixed.double()
        else:
            for part in parts:
                peft = PeftModel.from_pretrained(self.encoder, part, autocast_adapter_dtype=False)
                self.encoder = peft.base_model.model.double()
        self.encoder.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a folder of BERT of 6 layers with mean pooling, normalized")
    parser.add_argument("data", type=Path, help="labelled texts, .jsonl")
    parser.add_argument("--rows", type=int, default=32, help="how many rows to train on")
    parser.add_argument("--texts", type=int, default=8, help="how many texts to compare")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report, model = Graft(arguments.graft), Report(), arguments.model.resolve()
    texts = [" ".join(row["text"].split()[:60]) for row in read_rows(arguments.data, arguments.texts)]
    plain = graft.embed(model, texts)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        write_rows(place / "rows.jsonl", read_rows(arguments.data, arguments.rows))
        for name, parts in PARTS.items():
            recipe = {
                "model": str(model),
                "output": name,
                "max_tokens": 64,
                "precision": "float32",
                "tasks": {"task": {"train": "rows.jsonl", "adapter": {"parts": parts}}},
                "options": {"epochs": 2, "learning_rate": 1e-2},
            }
            (place / "recipe.json").write_text(json.dumps(recipe))
            graft.run("train", "--recipe", place / "recipe.json", "--quiet")
            folder = place / name / "task"
            found = graft.embed(model, texts, folder)
            if (found - plain).abs().max() < 1e-3:
                raise SystemExit(f"{name}: the adapter changes nothing, so there is nothing to compare")
            # A part by itself is another adapter, and PEFT opens nothing where it finds no configuration.
            try:
                PeftModel.from_pretrained(Reference(model).encoder, folder)
                raise SystemExit(f"{name}: PEFT opens the folder as a whole")
            except ValueError as error:
                assert "adapter_config.json" in str(error), error
            peft = OfParts(model, folder)
            by = "PeftMixedModel" if peft.isMixed else "PeftModel within PeftModel"
            expected = peft.pooled(texts, "mean", normalize=True)
            report.compare(f"{name}, embeddings by {by}", found, expected)
    report.finish()


if __name__ == "__main__":
    main()
