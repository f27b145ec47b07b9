"""Makes Tests/Fixtures/pooling: what sentence-transformers' modules compute, alone with their gradients, and as whole folders."""

import shutil
import tempfile
from pathlib import Path

import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Normalize, Pooling
from transformers import BertTokenizerFast

from fixtures import VERSIONS, integers, run, write_json, write_tensors
from tiny_encoder import FOLDER, SENTENCES

LENGTHS = [1, 3, 4, 11, 17]
WIDTH = 8
PROMPT_TOKENS = 3
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
FUNCTIONS = {
    "identity": torch.nn.Identity(), "tanh": torch.nn.Tanh(), "relu": torch.nn.ReLU(), "gelu": torch.nn.GELU(),
    "silu": torch.nn.SiLU(), "sigmoid": torch.nn.Sigmoid(), "gelu_tanh": torch.nn.GELU(approximate="tanh"),
}  # fmt: skip
TEXTS = [text for text, _ in SENTENCES]
TEXTS += [" ".join(TEXTS), ""]
PROMPTS = {"query": "The good player: ", "passage": "data "}


def make(root):
    """Makes Tests/Fixtures/pooling."""
    VERSIONS["sentence_transformers"] = sentence_transformers.__version__
    write_json(root / "versions.json", VERSIONS)
    torch.manual_seed(5)
    make_pooled(root / "modes.safetensors")
    make_layers(root / "layers.safetensors")
    make_single_modes(root / "embeddings.safetensors")
    make_dense_folder(root)
    make_prompt_folder(root)
    make_plain_folder(root)
    make_lowercasing_folder(root)


def random(*shape):
    """Seeded numbers that float32 holds."""
    return torch.randn(*shape).float()


def make_pooled(path):
    """Every mode, and all of them side by side, with and without the tokens of a prompt, forward and backward."""
    hidden, tensors = random(sum(LENGTHS), WIDTH), {}
    for name, modes in {**{mode: mode for mode in MODES}, "all": tuple(reversed(MODES))}.items():
        vectors = random(len(LENGTHS), WIDTH * (len(MODES) if name == "all" else 1))
        tensors[f"{name}.dy"] = vectors
        for suffix, options in {"": {}, ".without_prompt": {"include_prompt": False}}.items():
            leaf = hidden.double().requires_grad_()
            texts = leaf.split(LENGTHS)
            features = {
                "token_embeddings": torch.nn.utils.rnn.pad_sequence(texts, batch_first=True),
                "attention_mask": torch.nn.utils.rnn.pad_sequence([torch.ones(n).long() for n in LENGTHS], True),
                "prompt_length": PROMPT_TOKENS,
            }
            y = Pooling(WIDTH, pooling_mode=modes, **options)(features)["sentence_embedding"]
            y.backward(vectors.double())
            tensors |= {f"{name}{suffix}.y": y, f"{name}{suffix}.dx": leaf.grad}
    inputs = {"hidden": hidden, "lengths": integers(LENGTHS), "tokens": integers([5] * sum(LENGTHS))}
    write_tensors(path, inputs | tensors, settings={"prompt_tokens": PROMPT_TOKENS})


def make_layers(path):
    """Each module after the pooling, and each activation, forward and backward."""
    x, dy = random(5, WIDTH) * 2, random(5, WIDTH)
    x[3] = 0  # what has no length
    dense, norm = Dense(WIDTH, WIDTH), LayerNorm(WIDTH)
    for parameter in norm.parameters():
        parameter.data.copy_(random(WIDTH))
    modules = {"dense": dense.double(), "layer_norm": norm.double(), "normalize": Normalize()}
    functions = {
        name: lambda features, f=function: {"sentence_embedding": f(features["sentence_embedding"])}
        for name, function in FUNCTIONS.items()
    }
    tensors = {
        "x": x, "dy": dy,
        "weight": dense.linear.weight.float(), "bias": dense.linear.bias.float(),
        "gamma": norm.norm.weight.float(), "beta": norm.norm.bias.float(),
    }  # fmt: skip
    for name, module in {**modules, **functions}.items():
        leaf = x.double().requires_grad_()
        y = module({"sentence_embedding": leaf * 1})["sentence_embedding"]
        y.backward(dy.double())
        tensors |= {f"{name}.y": y, f"{name}.dx": leaf.grad}
    write_tensors(path, tensors)


def make_single_modes(path):
    """Embeddings of tiny-bert by each mode alone, as the flags of older folders say it."""
    flags = {mode: f"pooling_mode_{mode}" for mode in MODES}
    flags |= {mode: f"pooling_mode_{mode}_{ending}" for mode, ending in (("cls", "token"), ("max", "tokens"), ("mean", "tokens"))}
    flags["weightedmean"] += "_tokens"
    tensors = {}
    for mode, chosen in flags.items():
        config = {"word_embedding_dimension": 32} | {flag: flag == chosen for flag in flags.values()}
        with overlaid(write=lambda folder: write_json(folder / "1_Pooling" / "config.json", config)) as folder:
            tensors[mode] = open_model(folder).encode(TEXTS, convert_to_tensor=True)
    write_tensors(path, tensors, texts=TEXTS, flags=flags)


def make_dense_folder(root):
    """All modes side by side, and modules of every kind behind them."""
    wide = 32 * len(MODES)
    modules = [
        Pooling(32, pooling_mode=tuple(MODES)), Dropout(0.3), Dense(wide, 24), LayerNorm(24),
        Dense(24, 16, bias=False, activation_function=torch.nn.GELU()), Normalize(),
        Dense(16, 20, activation_function=torch.nn.Identity()),
    ]  # fmt: skip
    for module in modules:
        for parameter in module.parameters():
            parameter.data.copy_(random(*parameter.shape) * 0.3)
    keep(root / "dense", modules)
    write_embeddings(root, "dense", {"": {}})


def make_prompt_folder(root):
    """A default prompt that the pooling leaves out; texts cut at 20 tokens, which the longest prompt alone fills."""
    pooling = Pooling(32, pooling_mode=("cls", "weightedmean", "lasttoken", "mean"), include_prompt=False)
    keep(root / "prompts", [pooling, Normalize()], prompts=PROMPTS, default_prompt_name="query")
    write_json(root / "prompts" / "sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
    long = " ".join(TEXTS[:4])
    variants = {
        "default": {}, "passage": {"prompt_name": "passage"}, "document": {"prompt_name": "document"},
        "text": {"prompt": "they Won [SEP]"}, "none": {"prompt": ""}, "long": {"prompt": long},
    }  # fmt: skip
    write_embeddings(root, "prompts", variants, {"prompts": {"text": "they Won [SEP]", "long": long}})


def make_plain_folder(root):
    """tiny-bert without modules.json: the mean, and no limit but the tokenizer's, whatever sentence_bert_config.json says."""
    with overlaid(without=["modules.json"]) as folder:
        embeddings = open_model(folder).encode(TEXTS, convert_to_tensor=True)
    write_tensors(root / "plain.safetensors", {"embeddings": embeddings}, texts=TEXTS)


def make_lowercasing_folder(root):
    """Texts lowercased by sentence-transformers before a tokenizer that would not do it, but for special tokens."""
    tokenizer = BertTokenizerFast(vocab_file=str(FOLDER / "vocab.txt"), do_lower_case=False, model_max_length=64)
    tokenizer.save_pretrained(root / "lowercasing")
    (root / "lowercasing" / "vocab.txt").unlink()
    write_json(root / "lowercasing" / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": True})
    write_embeddings(root, "lowercasing", {"": {}}, texts=TEXTS + ["The Team [SEP] WON", "İstanbul ÀÉ [Sep]"])


def keep(folder, modules, **options):
    """What sentence-transformers writes beside the encoder's own files."""
    with tempfile.TemporaryDirectory() as temporary:
        model = SentenceTransformer(modules=[Transformer(str(FOLDER)), *modules], device="cpu", **options)
        model.save(temporary, create_model_card=False)
        shutil.copytree(
            temporary, folder, dirs_exist_ok=True,
            ignore=lambda path, names: [n for n in names if path == temporary and not is_modules_own(n)],
        )  # fmt: skip
        for entry in folder.iterdir():
            if entry.is_dir() and not any(entry.iterdir()):
                entry.rmdir()


def is_modules_own(name):
    return name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json") or name[0].isdigit()


class overlaid:
    """tiny-bert with other files laid over it, in a folder of its own."""

    def __init__(self, files=None, write=None, without=()):
        self.files, self.write, self.without = files, write, without

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        folder = Path(self.temporary.name) / "model"
        shutil.copytree(FOLDER, folder)
        for name in self.without:
            (folder / name).unlink()
        if self.files:
            shutil.copytree(self.files, folder, dirs_exist_ok=True)
        if self.write:
            self.write(folder)
        return folder

    def __exit__(self, *_):
        self.temporary.cleanup()


def open_model(folder):
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float64})


def write_embeddings(root, name, variants, metadata={}, texts=TEXTS):
    with overlaid(root / name) as folder:
        model = open_model(folder)
        tensors = {
            f"embeddings.{variant}" if variant else "embeddings": model.encode(texts, convert_to_tensor=True, **options)
            for variant, options in variants.items()
        }
    assert all(tensor.dtype == torch.float64 for tensor in tensors.values())
    write_tensors(root / f"{name}.safetensors", tensors, texts=texts, **metadata)


if __name__ == "__main__":
    run(make, "pooling")
