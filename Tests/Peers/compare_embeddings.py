"""Compares `graft embed` with sentence-transformers and transformers on real texts of every length the encoder takes."""

import argparse
import itertools
import json
import shutil
import tempfile
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Normalize, Pooling

from graft import Graft, Report, add_options, read_rows
from pooling import pool
from reference import Reference, sentence_embeddings


#: What older folders say instead of a mode's name.
FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def texts_of_every_length(reference, rows, step):
    """A text of 2, 2 + step, … tokens, [CLS] and [SEP] counted: runs of the rows' words, each from a place of its own."""
    words = itertools.cycle(word for row in rows for word in row["text"].split())
    texts, tokens = [], reference.tokenizer
    for wanted in range(2, reference.longest + 1, step):
        run, length = [], 2
        while length < wanted:
            word = next(words)
            added = len(tokens(word, add_special_tokens=False)["input_ids"])
            if length + added <= wanted:
                run.append(word)
                length += added
        texts.append(" ".join(run))
        assert len(tokens(texts[-1])["input_ids"]) == wanted
    return texts


def lay_out(model, folder, pooling, normalize):
    """The same encoder with other sentence-transformers modules, and every position in use."""
    shutil.copytree(model, folder, copy_function=lambda source, target: Path(target).symlink_to(Path(source).resolve()))
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")] + [("2_Normalize", "Normalize")] * normalize
    config = json.loads((folder / "config.json").read_text())
    write(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
    )
    write(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": config["hidden_size"]}
        | {flag: mode == pooling for flag, mode in FLAGS.items()},
    )
    length = {"max_seq_length": config["max_position_embeddings"], "do_lower_case": False}
    write(folder / "sentence_bert_config.json", length)


def lay_out_modules(model, folder):
    """The same encoder under modules of every kind, random ones, and prompts that the pooling leaves out."""
    first = Transformer(str(model))
    wide = first.get_embedding_dimension() * len(FLAGS)
    torch.manual_seed(0)
    modules = [
        Pooling(wide // len(FLAGS), pooling_mode=tuple(FLAGS.values()), include_prompt=False),
        Dense(wide, 128),
        LayerNorm(128),
        Dense(128, 64, bias=False, activation_function=torch.nn.GELU()),
        Normalize(),
    ]
    prompts = {"query": "A question about the news: ", "document": "An article: "}
    built = SentenceTransformer(modules=[first, *modules], device="cpu", prompts=prompts, default_prompt_name="query")
    built.save(str(folder), create_model_card=False)


def write(file, value):
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(json.dumps(value))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an encoder folder")
    parser.add_argument("data", type=Path, help="a .jsonl file with a text in each row")
    parser.add_argument("--step", type=int, default=1, help="take every STEP-th length only")
    add_options(parser)
    arguments = parser.parse_args()
    graft, report, reference = Graft(arguments.graft), Report(), Reference(arguments.model)
    texts = texts_of_every_length(reference, read_rows(arguments.data), arguments.step)
    whole = [row["text"] for row in read_rows(arguments.data, 32)]
    report.compare(
        "the folder as it is, whole documents cut at its own limit",
        graft.embed(arguments.model, whole),
        sentence_embeddings(arguments.model, whole),
    )
    states = list(reference.states(texts))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "modules"
        lay_out_modules(arguments.model, folder)
        for options, chosen in ((), {}), (("--prompt-name", "document"), {"prompt_name": "document"}):
            report.compare(
                f"modules of every kind, prompt {chosen.get('prompt_name', 'by default')}, whole documents",
                graft.embed(folder, whole, options=options),
                sentence_embeddings(folder, whole, **chosen),
            )
        for pooling, normalize in [("mean", True), *((mode, False) for mode in FLAGS.values() if mode != "mean")]:
            folder = Path(temporary) / pooling
            lay_out(arguments.model, folder, pooling, normalize)
            found = graft.embed(folder, texts)
            kind = f"{pooling} of hidden states, {'normalized' if normalize else 'as they are'}, every length"
            report.compare(f"{kind}, sentence-transformers", found, sentence_embeddings(folder, texts))
            expected = torch.cat([pool(hidden, mask, pooling) for hidden, mask in states])
            if normalize:
                expected = torch.nn.functional.normalize(expected, dim=-1)
            report.compare(f"{kind}, transformers in float64", found, expected)
    report.finish()


if __name__ == "__main__":
    main()
