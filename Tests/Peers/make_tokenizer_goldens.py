"""Writes Tests/Fixtures/tokenizers: what Hugging Face tokenizers makes of a few hundred texts.

    python Tests/Peers/make_tokenizer_goldens.py FOLDER

FOLDER is all-MiniLM-L6-v2 (Apache-2.0). Its vocab.txt and small files go to bert/, the tokens of texts to bert.json.
stages.json has a small vocabulary, many tokenizers made of it, and for each the tokens of some texts.
"""

import json
import pathlib
import random
import shutil
import sys

import tokenizers
import transformers

from compare_tokenizers import generated, special_cases, variants

FIXTURES = pathlib.Path(__file__).parents[1] / "Fixtures/tokenizers"
VERSIONS = dict(tokenizers=tokenizers.__version__, transformers=transformers.__version__,
                maker=f"Tests/Peers/{pathlib.Path(__file__).name}")

SENTENCES = [
    "The quick brown fox jumps over the lazy dog.", "Unbelievably, nobody mistranslated the hyperparameters!",
    "Prices rose 3.5% to $1,299.99 (from \u20ac1.150,00) on 12/05/2004.", "He said: \u201cdon't!\u201d \u2014 and she didn\u2019t\u2026",
    "Wi-Fi e-mail COVID-19 C++ C# .NET R&D AT&T", "https://example.org/a_b?c=d&e=%20#f me@example.org @user #tag",
    "M\u00fcnchen, \u00c5ngstr\u00f6m, \u0141\u00f3d\u017a, \u0130zmir, S\u00e3o Paulo, \u010cesk\u00fd, \u00f1and\u00fa, na\u00efve, co\u00f6perate",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0401\u043b\u043a\u0430 \u0439\u043e\u0433\u0430", "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5, \u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56edABC\u5427\u3002", "\u6771\u4eac\u30bf\u30ef\u30fc\u306f\u9ad8\u3044\u3067\u3059\u3002\uff8a\uff9f\uff70\uff8f\uff7d",
    "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4 2024\ub144", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u0915\u094d\u0937", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
    "\u0645\u0631\u062d\u0628\u0627\u064b \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd", "I \u2764\ufe0f pizza \U0001f355\U0001f355 \U0001f44d\U0001f3fd ok\U0001f1eb\U0001f1f7",
    "line one\nline two\r\n\tindented\u00a0line", "a.b.c...d!?", "x\u00b2+y\u00b2=z\u00b2 \u2260 \u221e \u2211 \u00bd \u2122 \u00ae", "snake_case camelCase SCREAMING_CASE kebab-case",
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "1234567890 0x1F 1e-10 \u0661\u0662\u0663",
    "\u1ec7 \u1ea1\u1eaf Vi\u1ec7t Nam ti\u1ebfng Vie\u0323\u0302t", "[MASK] is the capital of [UNK].[SEP]", "The [MASK]est [MASK] [CLS]",
]


def case(tokenizer, texts, words=False, truncation=None):
    if truncation:
        limit, strategy, side = truncation
        tokenizer.enable_truncation(limit, strategy=strategy, direction=side)
    encoding = tokenizer.encode(texts, is_pretokenized=True) if words else tokenizer.encode(*texts)
    tokenizer.no_truncation()
    found = dict(texts=texts, ids=encoding.ids, segments=encoding.type_ids, offsets=[list(o) for o in encoding.offsets],
                 words=encoding.word_ids, special=encoding.special_tokens_mask)
    if words:
        found["isSplit"] = True
    if truncation:
        found["truncation"] = dict(limit=limit, strategy=strategy, side=side)
    return found


def cases(tokenizer, texts, source):
    """Each text, and of some: pairs, shortened ones, and split to words."""
    found = [case(tokenizer, [text]) for text in texts]
    for first, second in zip(source.sample(texts, len(texts) // 5), source.sample(texts, len(texts) // 5)):
        found.append(case(tokenizer, [first, second]))
        for strategy in ("longest_first", "only_first", "only_second"):
            try:
                found.append(case(tokenizer, [first, second],
                                  truncation=(source.randrange(4, 24), strategy, source.choice(["left", "right"]))))
            except Exception as error:
                assert "too short" in str(error), error
                tokenizer.no_truncation()
        found.append(case(tokenizer, [first], truncation=(source.randrange(2, 12), "longest_first", "right")))
        found.append(case(tokenizer, second.split(" "), words=True))
    return found


def write(name, value):
    lines = json.dumps(value, separators=(",", ":")).replace('{"texts"', '\n{"texts"').replace('{"name"', '\n{"name"')
    (FIXTURES / name).write_text(lines + "\n")
    print(name, len(lines))


def bert(model):
    folder = FIXTURES / "bert"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "sentence_bert_config.json"):
        (folder / name).write_text((model / name).read_text("utf-8").rstrip("\n") + "\n", "utf-8")
    (folder / "README.md").write_text(
        "vocab.txt and the files beside it are those of sentence-transformers/all-MiniLM-L6-v2, which has them from\n"
        "bert-base-uncased; both are under the Apache License 2.0.\n")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))._tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    texts = SENTENCES + special_cases() + generated(100, seed=11)
    write("bert.json", dict(versions=VERSIONS, cases=cases(tokenizer, texts, random.Random(5))))


def stages(model):
    document = json.loads((model / "tokenizer.json").read_text("utf-8"))
    document["truncation"] = document["padding"] = None
    source = random.Random(6)
    texts = [text for text in SENTENCES + special_cases() + generated(60, seed=12) if len(text) < 44]
    texts += ["hello <ent>world  <l> x <r>  y  <lr>  z", "I love New York and new york", "the theretherefore hello hellos CAF\u00c9 cafe\u0301s",
              "``quoted'' text", "  spaces  around  ", "a.b,,c"]
    # Every scalar any of the normalizers makes of them can be spelled; every third is unknown inside a word.
    alphabet = set()
    for _, changed in variants(document):
        changed["model"]["vocab"] = document["model"]["vocab"]
        normalizer = tokenizers.Tokenizer.from_str(json.dumps(changed)).normalizer
        for text in texts:
            alphabet |= set(normalizer.normalize_str(text) if normalizer else text)
    alphabet = sorted(alphabet)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "un", "##able", "##s", "jump", "hello", *alphabet,
              *("##" + c for i, c in enumerate(alphabet) if i % 3 or c.isascii())]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    document["model"]["vocab"] = vocabulary
    for token in document["added_tokens"]:
        token["id"] = vocabulary[token["content"]]
    for token in document["post_processor"]["special_tokens"].values():
        token["ids"] = [vocabulary[t] for t in token["tokens"]]
    found = []
    for name, changed in variants(document):
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(changed))
        chosen = source.sample(texts, 6) + (texts[-6:] if not name.startswith("BERT T") else [])
        stage = {key: value for key, value in changed.items() if key != "model"}
        found.append(dict(name=name, tokenizer=stage, cases=cases(tokenizer, chosen, source)))
    for name, changed in mpnet(document):
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(changed))
        chosen = source.sample(texts, 6) + ["a <unk> b", "<UNK>", "x<u\u0301nk>y", "<u\u200bnk>", "\u226e\u0338unk>", "a  <mask> b", "<s></s>", "[UNK]",
                                            "<b>un</b>", "x < y <3 <unkind>", "<"]
        stage = {key: value for key, value in changed.items() if key != "model"}
        found.append(dict(name=name, tokenizer=stage, cases=cases(tokenizer, chosen, source)))
    # Tokens in the order of their ids: names of an object may be merged by a reader to which “é” is “é”.
    model = dict(document["model"], vocab=list(vocabulary))
    write("stages.json", dict(versions=VERSIONS, model=model, tokenizers=found))


def mpnet(document):
    """all-mpnet-base-v2's pipeline: BERT's stages, RoBERTa's tokens, two separators in a pair. Often <unk> is found normalized."""
    size, special = len(document["model"]["vocab"]), ["<s>", "</s>", "<pad>", "<mask>", "<unk>"]
    ids = {token: size + i for i, token in enumerate(special)}
    template = lambda *pieces: [dict(Sequence=dict(id=name, type_id=kind)) if name in "AB" else
                                dict(SpecialToken=dict(id=name, type_id=kind)) for name, kind in pieces]
    single = template(("<s>", 0), ("A", 0), ("</s>", 0))
    for name, normalized in (("MPNet", False), ("MPNet, <unk> normalized", True)):
        added = [dict(id=ids[t], content=t, single_word=False, lstrip=t == "<mask>", rstrip=False,
                      normalized=normalized and t == "<unk>", special=True) for t in special]
        yield name, dict(document, added_tokens=added, post_processor=dict(
            type="TemplateProcessing", single=single, pair=single + template(("</s>", 0), ("B", 1), ("</s>", 1)),
            special_tokens={t: dict(id=t, ids=[ids[t]], tokens=[t]) for t in ("<s>", "</s>")}))


if __name__ == "__main__":
    bert(pathlib.Path(sys.argv[1]))
    stages(pathlib.Path(sys.argv[1]))
