"""Makes Tests/Fixtures/encoder: tiny BERT folders in every layout that checkpoints come in, and what they compute."""

import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import AutoModel, BertForPreTraining, BertModel, BertTokenizerFast

from fixtures import VERSIONS, integers, run, write_json, write_tensors
from pooling import pool
from tiny_encoder import SENTENCES, VOCABULARY, fill, packed, tiny_config

LENGTHS = [1, 2, 5, 11, 17, 64]


def make(root):
    """Makes Tests/Fixtures/encoder."""
    write_json(root / "versions.json", VERSIONS)
    make_tiny_bert(root / "tiny-bert")
    make_variants(root)
    make_pooling_folders(root)
    make_golden_states(root)
    make_golden_sentences(root)


def make_tiny_bert(folder):
    model = BertModel(tiny_config())
    fill(model.named_parameters(), seed=1)
    model.save_pretrained(folder)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab_file=str(vocabulary), do_lower_case=True, model_max_length=64).save_pretrained(folder)
    types = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    write_json(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(zip(types, paths))
        ],
    )
    write_json(folder / "1_Pooling" / "config.json", legacy_pooling("mean_tokens"))
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})


def legacy_pooling(chosen):
    """The pooling configuration as sentence-transformers wrote it before it had `pooling_mode`."""
    modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
    return {"word_embedding_dimension": 32} | {f"pooling_mode_{mode}": mode == chosen for mode in modes}


def make_variants(root):
    """The first layer of tiny-bert alone, under the names and in the files of other checkpoints."""
    one_layer = tiny_config(num_hidden_layers=1)
    model = BertModel(one_layer)
    whole = load_file(root / "tiny-bert" / "model.safetensors")
    weights = {name: whole[name] for name in model.state_dict()}
    model.load_state_dict(weights)

    pretraining = BertForPreTraining(one_layer)
    fill(pretraining.named_parameters(), seed=2)
    pretraining.bert.load_state_dict(weights)
    pretraining.save_pretrained(root / "tiny-bert-pretraining")
    file = root / "tiny-bert-pretraining" / "model.safetensors"
    positions = {"bert.embeddings.position_ids": torch.arange(64).unsqueeze(0)}
    write_tensors(file, load_file(file) | positions)

    old_names = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): weight
        for name, weight in weights.items()
        if not name.startswith("pooler")
    }
    write_tensors(root / "tiny-bert-gamma-beta" / "model.safetensors", old_names)
    one_layer.save_pretrained(root / "tiny-bert-gamma-beta")

    model.save_pretrained(root / "tiny-bert-sharded", max_shard_size="40KB")

    tanh = BertModel(tiny_config(num_hidden_layers=1, hidden_act="gelu_new"))
    tanh.load_state_dict(weights)
    tanh.save_pretrained(root / "tiny-bert-gelu-new")


def make_pooling_folders(root):
    """Module descriptions to lay over tiny-bert: the old keys with CLS, and today's own files with max and no normalizing."""
    for old in ["modules.json", "sentence_bert_config.json"]:
        (root / "pooling-cls").mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "tiny-bert" / old, root / "pooling-cls" / old)
    write_json(root / "pooling-cls" / "1_Pooling" / "config.json", legacy_pooling("cls_token"))
    keep_written_modules(root, "pooling-max", [Pooling(32, pooling_mode="max")])
    keep_written_modules(root, "pooling-mean-cls", [Pooling(32, pooling_mode=("cls", "mean")), Normalize()])


def keep_written_modules(root, name, modules):
    with tempfile.TemporaryDirectory() as folder:
        first = Transformer(str(root / "tiny-bert"))
        SentenceTransformer(modules=[first, *modules], device="cpu").save(folder, create_model_card=False)
        for file in ["modules.json", "sentence_bert_config.json", "1_Pooling/config.json"]:
            (root / name / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder) / file, root / name / file)


def make_golden_states(root):
    """Texts of random tokens, each on its own: hidden states after every layer, sentence vectors, and the way back."""
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(5, 120, (length,), generator=generator).tolist() for length in LENGTHS]
    segments = [[int(i >= length // 2 and length in (5, 17)) for i in range(length)] for length in LENGTHS]
    dy = torch.randn(sum(LENGTHS), 32, generator=generator)

    model = AutoModel.from_pretrained(root / "tiny-bert", dtype=torch.float64, attn_implementation="eager").eval()
    inputs = packed(rows) | {"segments": integers(sum(segments, []))}
    states, gradients, vectors = [], [], []
    for row, segment, dy_row in zip(rows, segments, dy.split(LENGTHS)):
        embedded = model.embeddings(torch.tensor([row]), torch.tensor([segment])).detach().requires_grad_()
        out = model.encoder(embedded, output_hidden_states=True)
        out.last_hidden_state.backward(dy_row.double().unsqueeze(0))
        states.append([state[0] for state in out.hidden_states])
        gradients.append(embedded.grad[0])
        mask = torch.ones(1, len(row), dtype=torch.long)
        vectors.append([pool(out.last_hidden_state, mask, mode)[0] for mode in ("mean", "cls", "max")])

    expected = {f"hidden.{i}": torch.cat(layer) for i, layer in enumerate(zip(*states))}
    expected["dx"] = torch.cat(gradients)
    for mode, vector in zip(("mean", "cls", "max"), map(torch.stack, zip(*vectors))):
        expected[f"pooled.{mode}"] = vector
        expected[f"normalized.{mode}"] = torch.nn.functional.normalize(vector, dim=-1)
    write_tensors(root / "states.safetensors", inputs | {"dy": dy} | expected)

    for variant in ("pretraining", "gamma-beta", "sharded", "gelu-new"):
        one_layer = AutoModel.from_pretrained(
            root / f"tiny-bert-{variant}", dtype=torch.float64, attn_implementation="eager"
        ).eval()
        outs = [
            one_layer(torch.tensor([row]), token_type_ids=torch.tensor([segment])).last_hidden_state[0]
            for row, segment in zip(rows, segments)
        ]
        if variant == "gelu-new":
            write_tensors(root / "states-gelu-new.safetensors", inputs | {"hidden.1": torch.cat(outs)})
        else:
            assert torch.equal(torch.cat(outs), expected["hidden.1"]), variant


def make_golden_sentences(root):
    """Sentences through sentence-transformers whole, the last one longer than max_seq_length."""
    texts = [text for text, _ in SENTENCES]
    texts.append(" ".join(texts))
    model = SentenceTransformer(str(root / "tiny-bert"), device="cpu", model_kwargs={"dtype": torch.float64})
    embeddings = model.encode(texts, convert_to_tensor=True)
    assert embeddings.dtype == torch.float64
    rows = [model.preprocess([text])["input_ids"][0].tolist() for text in texts]
    assert len(rows[-1]) == 48
    write_tensors(root / "sentences.safetensors", packed(rows) | {"embeddings": embeddings}, texts=texts)


if __name__ == "__main__":
    run(make, "encoder")
