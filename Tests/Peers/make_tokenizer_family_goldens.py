"""Writes Tests/Fixtures/tokenizers/families.json: small tokenizers of every family, and the tokens of some texts.

    python Tests/Peers/make_tokenizer_family_goldens.py

Each is trained here, by train_tokenizers.py, on docstrings of Python's library and a few sentences: byte-level and other
byte pairs as tokenizer.json; RoBERTa's, BERT's and MPNet's vocabularies and the SentencePiece files of XLM-R, CamemBERT,
DeBERTa, ALBERT and T5 as a folder without tokenizer.json has them, with what transformers makes of them.
"""

import argparse
import base64
import collections
import difflib
import inspect
import json
import pathlib
import random
import tempfile
import textwrap

import sentencepiece
import tokenizers
import transformers

import train_tokenizers
from compare_tokenizers import wide_texts

OUTPUT = pathlib.Path(__file__).parents[1] / "Fixtures/tokenizers/families.json"
SENTENCES = ["M\u00fcnchen, \u00c5ngstr\u00f6m, na\u00efve caf\u00e9 for \u20ac5,5, 1,000 and 12,5.", "It's what they've said: \u201cdon't!\u201d We'll see, I'd say.",
             "\u6771\u4eac\u306f\u9ad8\u3044", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "\uff21\uff22\uff23 \ufb01ne \u2460 \u00bd \u2122", "I \u2764\ufe0f \U0001f355\U0001f44d\U0001f3fd ok"]
# What the characters map of the SentencePiece files changes, in place of the hundreds of kilobytes of the real one.
RULES = [("\uff21", "A"), ("\uff22", "B"), ("\ufb01", "fi"), ("\u00bd", "1\u20442"), ("e\u0301", "\u00e9"), ("\u2122", "TM"), ("\u3000", " "), ("\u00a0", " "),
         ("\t", " "), ("\n", " "), ("\u200b", " "), ("\u00ad", ""), ("\u0130", "i\u0307")]


def case(tokenizer, texts, words=False, truncation=None):
    if truncation:
        tokenizer.enable_truncation(truncation[0], strategy=truncation[1], direction=truncation[2])
    encoding = tokenizer.encode(texts, is_pretokenized=True) if words else tokenizer.encode(*texts)
    tokenizer.no_truncation()
    found = dict(texts=texts, ids=encoding.ids, segments=encoding.type_ids, offsets=[list(o) for o in encoding.offsets],
                 words=encoding.word_ids, special=encoding.special_tokens_mask)
    if words:
        found["isSplit"] = True
    if truncation:
        found["truncation"] = dict(zip(("limit", "strategy", "side"), truncation))
    return found


def cases(tokenizer, texts, source):
    found = [case(tokenizer, [text]) for text in source.sample(texts, 10)]
    for _ in range(2):
        pair = source.sample(texts, 2)
        found.append(case(tokenizer, pair))
        found.append(case(tokenizer, pair, truncation=(source.randrange(5, 20), "longest_first", source.choice(["left", "right"]))))
        found.append(case(tokenizer, pair[0].split(" "), words=True))
    return found


def main():
    transformers.logging.set_verbosity_error()
    texts = [" ".join(part.split()) for module in (argparse, collections, difflib, textwrap, inspect)
             for _, value in inspect.getmembers(module, inspect.isroutine) + inspect.getmembers(module, inspect.isclass)
             for part in (inspect.getdoc(value) or "").split("\n\n") if len(part) > 40]
    source, found = random.Random(8), []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "texts.txt").write_text("\n".join(texts + SENTENCES * 3), "utf-8")
        (folder / "rules.tsv").write_text("".join("\t".join(" ".join(f"{ord(c):X}" for c in text) for text in rule) + "\n" for rule in RULES))
        (folder / "kinds").mkdir()
        made = folder / "kinds"
        train_tokenizers.roberta(texts + SENTENCES * 3, 360, made, None)
        train_tokenizers.modernbert(texts + SENTENCES * 3, 360, made)
        train_tokenizers.other_pairs(texts + SENTENCES * 3, 360, made)
        train_tokenizers.sentence_pieces(texts + SENTENCES * 3, 320, made, folder / "rules.tsv")
        train_tokenizers.word_pieces(texts + SENTENCES * 3, 300, made)
        pool = [text[:56] for text in wide_texts(1500, [folder / "texts.txt"]) if 0 < len(text)] + SENTENCES
        for kind in sorted(path for path in made.iterdir() if path.is_dir()):
            has_file = (kind / "tokenizer.json").exists()
            if has_file and (made / f"{kind.name}-files").exists():
                continue  # what the folder without it gives too
            tokenizer = (tokenizers.Tokenizer.from_file(str(kind / "tokenizer.json")) if has_file
                         else transformers.AutoTokenizer.from_pretrained(str(kind))._tokenizer)
            tokenizer.no_padding()
            files = {file.name: base64.b64encode(file.read_bytes()).decode() for file in sorted(kind.iterdir())}
            found.append(dict(name=kind.name, files=files, cases=cases(tokenizer, pool, source)))
    versions = dict(tokenizers=tokenizers.__version__, transformers=transformers.__version__,
                    sentencepiece=sentencepiece.__version__, maker=f"Tests/Peers/{pathlib.Path(__file__).name}")
    lines = json.dumps(dict(versions=versions, tokenizers=found), separators=(",", ":"))
    OUTPUT.write_text(lines.replace('{"texts"', '\n{"texts"').replace('{"name"', '\n{"name"') + "\n")
    print(OUTPUT.name, OUTPUT.stat().st_size, [kind["name"] for kind in found])


main()
