"""Makes Tests/Fixtures/conversion: one LoRA of the tiny BERT as PEFT, mlx-lm and llama.cpp keep it, and one DoRA as the first two do.

`lora.gguf` is written by the `gguf` package with the metadata in the order in which graft writes it, so that the bytes can be compared;
`half.gguf` is the same in float16. `mlx` is written by the `safetensors` package with the names, shapes and configuration of
mlx-lm's `adapters.safetensors`. `mlx-dora` and `peft-dora` are the DoRA: mlx-lm's `DoRALinear` has the lengths of rows as `m`.
"""

from importlib.metadata import version

import gguf
import numpy as np
from safetensors.numpy import save_file

from fixtures import FIXTURES, run, write_json

RANK, ALPHA, LAYERS = 4, 6.0, 3
MODULES = {"attention.self.query": "attn_q", "attention.self.value": "attn_v", "intermediate.dense": "ffn_up"}
FINGERPRINT = "graft.base_fingerprint"


def matrices():
    generator = np.random.default_rng(5)
    for layer in range(LAYERS):
        for module, name in MODULES.items():
            outputs = 64 if module.startswith("intermediate") else 32
            a = generator.standard_normal((RANK, 32), dtype=np.float32)
            b = generator.standard_normal((outputs, RANK), dtype=np.float32)
            yield f"encoder.layer.{layer}.{module}", f"blk.{layer}.{name}.weight", a, b


def lengths():
    """PEFT's magnitude vectors, mlx's m."""
    generator = np.random.default_rng(6)
    return {module: 1 + 0.2 * generator.standard_normal(len(b), dtype=np.float32) for module, _, _, b in matrices()}


def write_gguf(path, kind, fingerprint):
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    writer.add_string(FINGERPRINT, fingerprint)
    for _, name, a, b in matrices():
        writer.add_tensor(f"{name}.lora_a", a.astype(kind))
        writer.add_tensor(f"{name}.lora_b", b.astype(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make(folder):
    """The LoRA and the DoRA of the tiny BERT, as each program keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    # What graft says of the tiny BERT's frozen tensors; a test fails if it is another.
    fingerprint = (FIXTURES / "conversion" / "fingerprint.txt").read_text()
    (folder / "fingerprint.txt").write_text(fingerprint)
    write_gguf(folder / "lora.gguf", np.float32, fingerprint.strip())
    write_gguf(folder / "half.gguf", np.float16, fingerprint.strip())
    write_folders(folder, "", {})
    write_folders(folder, "-dora", lengths())
    write_json(folder / "versions.json", {name: version(name) for name in ("gguf", "numpy", "safetensors")})


def write_folders(folder, ending, lengths):
    """The folders of PEFT and mlx; `lengths` of rows make it a DoRA."""
    peft_folder, mlx_folder = folder / f"peft{ending}", folder / f"mlx{ending}"
    for part in (mlx_folder, peft_folder):
        part.mkdir(parents=True, exist_ok=True)
    peft, mlx = {}, {}
    for module, _, a, b in matrices():
        peft[f"base_model.model.{module}.lora_A.weight"] = a
        peft[f"base_model.model.{module}.lora_B.weight"] = b
        mlx[f"{module}.lora_a"] = np.ascontiguousarray(a.T)
        mlx[f"{module}.lora_b"] = np.ascontiguousarray(b.T)
        if lengths:
            peft[f"base_model.model.{module}.lora_magnitude_vector"] = lengths[module]
            mlx[f"{module}.m"] = lengths[module]
    save_file(peft, peft_folder / "adapter_model.safetensors", metadata={"format": "pt"})
    fields = {
        "peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none", "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": "tiny-bert", "target_modules": ["query", "value", "intermediate.dense"],
    }  # fmt: skip
    write_json(peft_folder / "adapter_config.json", fields | ({"use_dora": True} if lengths else {}))
    save_file(mlx, mlx_folder / "adapters.safetensors", metadata={"format": "mlx"})
    lora = {"rank": RANK, "scale": ALPHA / RANK, "dropout": 0.0, "keys": list(MODULES)}
    kind = "dora" if lengths else "lora"
    write_json(
        mlx_folder / "adapter_config.json", {"fine_tune_type": kind, "num_layers": LAYERS, "lora_parameters": lora}
    )


if __name__ == "__main__":
    run(make, "conversion")
