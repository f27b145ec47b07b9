"""Tokenizes texts with Hugging Face tokenizers (Rust), so that Graft can be held against it, token by token.

    python Tests/Peers/compare_tokenizers.py --model FOLDER --data A.jsonl B.jsonl --output comparison.bin [--scalars]
    python Tests/Peers/compare_tokenizers.py --folders FOLDER --data A.jsonl C.txt --output comparison.bin [--only NAME]
    GRAFT_TOKENIZER_COMPARISON=comparison.bin swift test -c release --filter Comparison
    python Tests/Peers/compare_tokenizers.py --report comparison.bin

The first command writes what Rust makes of all texts of the data files, of generated Unicode strings (seeded), of pairs
and of pre-split words, under the tokenizer of the folder and variants of it, and how fast Rust is on one thread. The
Swift test compares, and writes its speed beside the file; the last command prints both. With `--folders` it is the
tokenizer of each folder in one (train_tokenizers.py makes such a one), as transformers opens it, on 10,000 texts each, and
pairs, shortened ones and pre-split words beside. With `--scalars` every Unicode
scalar value is tokenized alone and between letters as well.
"""

import argparse
import copy
import json
import os
import pathlib
import random
import shutil
import struct
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402

SCALARS = [c for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF]
SEED = 7


# MARK: Texts

def data_texts(paths):
    """The texts of JSON Lines files, and their words where they are pre-split."""
    texts, words = [], []
    for path in paths:
        for line in open(path, encoding="utf-8"):
            row = json.loads(line)
            if "tokens" in row:
                words.append(row["tokens"])
                texts.append(" ".join(row["tokens"]))
            else:
                texts.append(row["text"])
    return texts, words


def plain_texts(paths):
    """The texts of JSON Lines files, and the lines of others."""
    texts = data_texts([path for path in paths if str(path).endswith("l")])[0]
    for path in paths:
        if not str(path).endswith("l"):
            texts += [line.rstrip("\n") for line in open(path, encoding="utf-8") if line.strip()]
    return texts


def wide_texts(count, paths, seed=SEED):
    """Texts of data files, source code, emoji, names, runs of white space and broken Unicode, in equal shares."""
    import argparse as a, asyncio.events as b, decimal as c, difflib as d, inspect, tarfile as e, textwrap as f  # noqa: E401

    source = random.Random(seed)
    lines = [text for text in plain_texts(paths) if "\0" not in text]
    code = "\n".join(inspect.getsource(module) for module in (a, b, c, d, e, f)).split("\n")
    faces = [chr(n) for n in range(0x1F300, 0x1FAFF)] + ["\u2764\ufe0f", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd",
                                                      "\U0001f1eb\U0001f1f7", "1\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e007f"]
    spaces = [" ", "  ", "   ", " " * 7, " " * 30, "\t", "\n", "\n\n", "\r\n", " \n ", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\u200b"]
    endings = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "\u2019s", "''", "``", "'", "!'s", "1's", " 's", "'x"]
    tokens = ["<s>", "</s>", "<mask>", "<pad>", "<unk>", "[MASK]", "[CLS]", "[SEP]", "[PAD]", "<extra_id_0>", "<extra_id_99>",
              "<s>NOTUSED", "<0x41>", "[unused1]", "|||EMAIL_ADDRESS|||", "<ent>", "\u2581", "\u2581\u2581", "\u0120", "##a", "</w>"]
    words = " ".join(lines[:400]).split()
    broken = iter(generated(count, seed))
    texts = special_cases()
    while len(texts) < count:
        kind = len(texts) % 6
        if kind < 2:
            line = source.choice(lines)
            start = source.randrange(len(line)) if len(line) > 500 and source.random() < 0.5 else 0
            texts.append(line[start:start + source.randrange(20, 500)])
        elif kind == 2:
            start = source.randrange(len(code))
            texts.append("\n".join(code[start:start + source.randrange(1, 9)]))
        elif kind == 3:
            texts.append("".join(source.choice([source.choice(words), source.choice(spaces), source.choice(endings), source.choice(faces),
                                                source.choice(tokens), source.choice("aA1.,-_(\u00e9\u4e2d\u0416\u0301")])
                                 for _ in range(source.randrange(1, 30))))
        elif kind == 4:
            texts.append(next(broken))
        else:
            texts.append(source.choice([" ", ""]) + source.choice(spaces).join(source.choice(words) for _ in range(source.randrange(1, 12)))
                         + source.choice(spaces + endings + [""]))
    return texts[:count]


def special_cases():
    return [
        "", " ", "   ", "\t\n\r", "\0", "a\0b", "\ufffd", "a\ufffdb", "\u200b", "a\u200bb", "a\u200db", "\ufeffa",
        "[MASK]", "[CLS]x", "x[SEP]", "[mask]", "[MASK", "[[MASK]]", "a [MASK] b[PAD]c", " [UNK] ", "[CLS][SEP]",
        "caf\u00e9 cafe\u0301", "\u0301", "\u0301\u0323a", "e\u0323\u0301", "e\u0301\u0323", "\u0130stanbul I\u0307",
        "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u039f\u0394\u039f\u03a3", "\u1e9e stra\u00dfe", "\u01c5 \u01f0",
        "\u4e2d\u6587", "a\u4e2db", "\uf900\ufa0e\U0002f800", "\u3400\U00020000\U0002b81d\U00030000", "\ud55c\uad6d\uc5b4",
        "\u1112\u1161\u11ab", "\uac00\u0301", "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
        "\u2260 \u226e \u1fef \u037e \u0387", "\u0915\u094d\u0937 \u0cca \u0b4b", "\U0001d15e\U0001d1bb",
        "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0651\u0629",
        "a" * 99, "a" * 100, "a" * 101, "\u00e9" * 100, "\u00e9" * 101, "e\u0301" * 60, "\u4e2d" * 120, "." * 120,
        "un##able ##ing #", "don't U.S.A. 3.14 $5 a_b a-b `x` ~ ^ | < > = +", "\u2028a\u2029b\u0085c\u00a0d\u3000e",
        "\ue000\U000f0000\U0010ffff", "\u0378\U000e0000\U000e0001", "\uff21\uff22\uff23 \ufb01 \u2460 \u00bd",
        "\u0e33\u0e19\u0e49\u0e33", "\u0f73\u0f75\u0f81", "\u0344\u0345", "a\u1ab0\u1dc0\u20d0\ufe20b", "\u180e\u061c\u202e x",
    ]


def generated(count, seed=SEED):
    """Strings over all planes, categories and scripts."""
    source = random.Random(seed)
    by_category = {}
    for c in SCALARS:
        by_category.setdefault(unicodedata.category(chr(c)), []).append(c)
    marks = [c for kind in ("Mn", "Mc", "Me") for c in by_category[kind]]
    blocks = [range(start, start + 0x80) for start in range(0, 0x3400, 0x80)] + [range(0xA000, 0xA080 + 0x300),
              range(0xAC00, 0xAD00), range(0xF900, 0xFB50), range(0xFB50, 0x10000), range(0x10000, 0x11000),
              range(0x11000, 0x12000), range(0x1D000, 0x1D800), range(0x1F000, 0x1FB00), range(0x20000, 0x20100),
              range(0x2F800, 0x2FA20), range(0xE0000, 0xE0200)]
    words = "The quick brown Fox jumps over lazy dogs unbelievably [MASK] [SEP] ## 42 don't Caf\u00e9 na\u00efve".split()
    texts = []
    while len(texts) < count:
        kind = source.randrange(6)
        parts = []
        for _ in range(source.randrange(1, 24)):
            if kind == 0:
                parts.append(chr(source.choice(SCALARS)))
            elif kind == 1:
                parts.append(chr(source.choice(by_category[source.choice(sorted(set(by_category) - {"Cs"}))])))
            elif kind == 2:
                block = blocks[(len(texts) * 7) % len(blocks)]
                parts.append(chr(source.choice(block)) if source.random() < 0.8 else " ")
            elif kind == 3:
                parts.append(source.choice("aeio\u00e9\u1ea5\uac00\u4e2d") + "".join(
                    chr(source.choice(marks)) for _ in range(source.randrange(4))))
            elif kind == 4:
                parts.append(source.choice(words) + source.choice(["", " ", "  ", "\t", ".", "\u00a0", "\u0301", "\u200b"]))
            else:
                parts.append(source.choice([source.choice(words), chr(source.choice(SCALARS)), " ",
                                            chr(source.choice(marks)), chr(source.randrange(1, 128))]))
        text = "".join(parts)
        if not any(0xD800 <= ord(c) <= 0xDFFF for c in text):
            texts.append(text)
    return texts


# MARK: Variants of a tokenizer.json

def variants(document):
    """The tokenizer itself and relatives of it: (name, document)."""
    found = [("as it is", document)]

    def variant(name, **fields):
        changed = copy.deepcopy(document)
        changed.update(fields)
        found.append((name, changed))

    for clean in (True, False):
        for chinese in (True, False):
            for accents in (None, True, False):
                for lower in (True, False):
                    variant(f"BERT {clean} {chinese} {accents} {lower}", normalizer=dict(
                        type="BertNormalizer", clean_text=clean, handle_chinese_chars=chinese, strip_accents=accents,
                        lowercase=lower))
    for name in ("NFD", "NFC", "NFKD", "NFKC", "Lowercase", "StripAccents"):
        variant(name, normalizer=dict(type=name))
    variant("NFKC and lower case", normalizer=dict(type="Sequence", normalizers=[
        dict(type="NFKC"), dict(type="Lowercase"), dict(type="Strip", strip_left=True, strip_right=True),
        dict(type="Replace", pattern=dict(String="``"), content="\"")]))
    variant("NFKD without accents", normalizer=dict(type="Sequence", normalizers=[
        dict(type="Strip", strip_left=True, strip_right=False), dict(type="NFKD"), dict(type="StripAccents"),
        dict(type="Lowercase")]))
    variant("no normalizer", normalizer=None)
    for name in ("Whitespace", "WhitespaceSplit"):
        variant(name, pre_tokenizer=dict(type=name))
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        variant(f"punctuation {behavior}", pre_tokenizer=dict(type="Sequence", pretokenizers=[
            dict(type="WhitespaceSplit"), dict(type="Punctuation", behavior=behavior)]))
    variant("no pre-tokenizer", pre_tokenizer=None)
    vocabulary = document["model"]["vocab"]
    variant("BertProcessing", post_processor=dict(type="BertProcessing", sep=["[SEP]", vocabulary["[SEP]"]],
                                                  cls=["[CLS]", vocabulary["[CLS]"]]))
    variant("no post-processor", post_processor=None)
    size = len(vocabulary)
    added = [("<ent>", {}), ("New York", {"normalized": True}), ("caf\u00e9", {"normalized": True, "single_word": True}),
             ("hello", {"single_word": True}), ("<l>", {"lstrip": True}), ("<r>", {"rstrip": True}),
             ("<lr>", {"lstrip": True, "rstrip": True, "special": True}), ("the", {"normalized": True}),
             ("therefore", {"normalized": True})]
    variant("added tokens", added_tokens=document["added_tokens"] + [
        dict(dict(id=size, content=text, single_word=False, lstrip=False, rstrip=False, normalized=False, special=False),
             **flags, id=vocabulary.get(text, size + sum(t not in vocabulary for t, _ in added[:i])))
        for i, (text, flags) in enumerate(added)])
    return found


def spelling(document):
    """The tokenizer with nearly every assigned scalar as a token, so that each one a normalizer makes shows in the ids.

    Under a real vocabulary most scalars are the unknown token, whatever became of them.
    """
    alphabet = [chr(c) for c in SCALARS if unicodedata.category(chr(c)) not in ("Cn", "Co", "Zs", "Zl", "Zp")
                and not 0xAC80 <= c <= 0xD7A3 and not 0x4E80 <= c <= 0x9FFF and not 0x3480 <= c <= 0x4DBF
                and not 0x17080 <= c <= 0x18CFF and not 0x20080 <= c < 0x2F800 and not 0x30000 <= c < 0x40000]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *alphabet, *("##" + c for c in alphabet)]
    ids = {token: i for i, token in enumerate(tokens)}
    changed = copy.deepcopy(document)
    changed["model"]["vocab"] = ids
    for token in changed["added_tokens"]:
        token["id"] = ids[token["content"]]
    for token in changed["post_processor"]["special_tokens"].values():
        token["ids"] = [ids[t] for t in token["tokens"]]
    return changed


def vocabulary_folders(model, folders):
    """Folders with vocab.txt and tokenizer_config.json, and what transformers makes of them."""
    import transformers

    for index, config in enumerate([None, dict(do_lower_case=False), dict(do_lower_case=True, strip_accents=False),
                                    dict(do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False),
                                    dict(tokenizer_class="DistilBertTokenizer", unk_token="[PAD]", mask_token="[unused0]",
                                         cls_token=dict(__type="AddedToken", content="[unused1]", lstrip=False, rstrip=False,
                                                        normalized=False, single_word=False))]):
        folder = folders / f"vocabulary {index}"
        folder.mkdir(parents=True)
        shutil.copy(model / "vocab.txt", folder)
        if config:
            (folder / "tokenizer_config.json").write_text(json.dumps(config))
        found = transformers.BertTokenizerFast.from_pretrained(str(folder))
        yield f"vocab.txt with {config}", folder, found._tokenizer


# MARK: The file

class Writer:
    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(b"GRAFTTOK")
        self.count = 0

    def string(self, text):
        data = text.encode("utf-8")
        self.file.write(struct.pack("<i", len(data)) + data)

    def section(self, name, folder, is_timed=False):
        """A timed one is one whose speed is wanted too, on the texts of the file beside this."""
        self.file.write(struct.pack("<i", 5 if is_timed else 1))
        self.string(name)
        self.string(str(folder))

    def record(self, kind, texts, truncation, encoding):
        """Kinds: 2 a text, 3 a pair, 4 words."""
        limit, strategy, side = truncation or (-1, "", "")
        self.file.write(struct.pack("<iii", kind, len(texts), limit))
        self.string(strategy)
        self.string(side)
        for text in texts:
            self.string(text)
        n = len(encoding.ids)
        flat = [n, *encoding.ids, *encoding.type_ids, *(s for s, _ in encoding.offsets), *(e for _, e in encoding.offsets),
                *(-1 if w is None else w for w in encoding.word_ids), *encoding.special_tokens_mask]
        self.file.write(struct.pack(f"<{len(flat)}i", *flat))
        self.count += 1

    def close(self):
        self.file.write(struct.pack("<i", 0))
        self.file.close()


def speed(tokenizer, texts):
    """Texts and tokens a second of processor time on one thread: the faster of a loop and a batch, of three runs."""
    tokens = sum(len(e.ids) for e in tokenizer.encode_batch(texts))
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for text in texts:
            tokenizer.encode(text)
        middle = time.process_time()
        tokenizer.encode_batch(texts)
        end = time.process_time()
        best = min(best, middle - start, end - middle)
    return dict(texts=len(texts), tokens=tokens, texts_per_second=len(texts) / best, tokens_per_second=tokens / best)


def write(arguments):
    model, output = pathlib.Path(arguments.model), pathlib.Path(arguments.output)
    folders = output.with_suffix(".folders")
    shutil.rmtree(folders, ignore_errors=True)
    writer = Writer(output)
    texts, words = data_texts(arguments.data)
    source = random.Random(SEED)
    document = json.loads((model / "tokenizer.json").read_text("utf-8"))
    made = special_cases() + generated(arguments.generated)
    sections = []
    spelled = [(f"{name}, spelling", changed) for name, changed in variants(spelling(document))]
    for index, (name, changed) in enumerate(variants(document) + spelled):
        folder = folders / str(index)
        folder.mkdir(parents=True)
        (folder / "tokenizer.json").write_text(json.dumps(changed, ensure_ascii=False), "utf-8")
        sections.append((name, folder, None))
    for name, folder, tokenizer in [*sections, *vocabulary_folders(model, folders)]:
        is_first = not writer.count
        tokenizer = tokenizer or tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        writer.section(name, folder, is_timed=is_first)
        of_data = texts if is_first else source.sample(texts, min(300, len(texts)))
        for text in of_data + made:
            writer.record(2, [text], None, tokenizer.encode(text))
        pool = [t[:300] for t in of_data] + made
        for first, second in zip(source.sample(pool, 400), source.sample(pool, 400)):
            writer.record(3, [first, second], None, tokenizer.encode(first, second))
            for strategy in ("longest_first", "only_first", "only_second"):
                for side in ("right", "left"):
                    limit = source.randrange(3, 40)
                    tokenizer.enable_truncation(limit, strategy=strategy, direction=side)
                    try:
                        writer.record(3, [first, second], (limit, strategy, side), tokenizer.encode(first, second))
                        if strategy != "only_second":
                            writer.record(2, [first], (limit, strategy, side), tokenizer.encode(first))
                    except Exception as error:
                        assert "too short" in str(error), error
            tokenizer.no_truncation()
        for split in source.sample(words, min(len(words), 2000 if is_first else 100)):
            writer.record(4, split, None, tokenizer.encode(split, is_pretokenized=True))
        for text in made[:500]:
            writer.record(4, text.split(" "), None, tokenizer.encode(text.split(" "), is_pretokenized=True))
        if is_first:
            timed = dict(name=name, **speed(tokenizer, texts))
        if arguments.scalars and is_first:
            for form in ("{}", "a{}b"):
                for c in SCALARS:
                    text = form.format(chr(c))
                    writer.record(2, [text], None, tokenizer.encode(text))
        if arguments.scalars and name.endswith("spelling"):
            for first in range(0, len(SCALARS), 64):
                text = " ".join(f"a{chr(c)}B" for c in SCALARS[first:first + 64])
                writer.record(2, [text], None, tokenizer.encode(text))
        print(f"{name}: {writer.count} records so far", flush=True)
    finish(writer, output, [timed], texts)


def write_folders(arguments):
    """Each folder of a folder, as transformers opens it."""
    import transformers

    transformers.logging.set_verbosity_error()
    output = pathlib.Path(arguments.output)
    texts = wide_texts(arguments.texts, arguments.data)
    timed_texts = [text[:2000] for text in plain_texts(arguments.data)[:1500]]
    writer, timed = Writer(output), []
    for folder in sorted(path for path in pathlib.Path(arguments.folders).iterdir() if path.is_dir()):
        if arguments.only and folder.name not in arguments.only:
            continue
        if (folder / "tokenizer.json").exists():
            tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        else:
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))._tokenizer
        tokenizer.no_padding()
        tokenizer.no_truncation()
        writer.section(folder.name, folder, is_timed=True)
        source, before = random.Random(SEED), writer.count
        for text, encoding in zip(texts, tokenizer.encode_batch(texts)):
            writer.record(2, [text], None, encoding)
        for first, second in zip(source.choices(texts, k=600), source.choices(texts, k=600)):
            writer.record(3, [first, second], None, tokenizer.encode(first, second))
            for strategy in ("longest_first", "only_first", "only_second"):
                for side in ("right", "left"):
                    limit = source.randrange(5, 60)
                    tokenizer.enable_truncation(limit, strategy=strategy, direction=side)
                    try:
                        writer.record(3, [first, second], (limit, strategy, side), tokenizer.encode(first, second))
                        if strategy != "only_second":
                            writer.record(2, [first], (limit, strategy, side), tokenizer.encode(first))
                    except Exception as error:
                        assert "too short" in str(error), error
            tokenizer.no_truncation()
        for text in source.choices(texts, k=600):
            split = text.split(" ")
            writer.record(4, split, None, tokenizer.encode(split, is_pretokenized=True))
        timed.append(dict(name=folder.name, **speed(tokenizer, timed_texts)))
        print(f"{folder.name}: {writer.count - before} records", flush=True)
    finish(writer, output, timed, timed_texts)


def finish(writer, output, timed, texts):
    writer.close()
    report = dict(tokenizers=tokenizers.__version__, python=unicodedata.unidata_version, records=writer.count, sections=timed)
    output.with_suffix(".rust.json").write_text(json.dumps(report, indent=2))
    # The texts whose speed was taken, for the other side.
    speed_texts = Writer(output.with_suffix(".texts"))
    for text in texts:
        speed_texts.string(text)
    speed_texts.file.close()


def report(path):
    """A table: differences of each section, and the speed of those that were timed, on one thread."""
    path = pathlib.Path(path)
    rust = json.loads(path.with_suffix(".rust.json").read_text())
    speeds = {section["name"]: section["tokens_per_second"] for section in rust["sections"]}
    sections = json.loads(path.with_suffix(".graft.json").read_text())
    print(f"{'tokenizer':32}{'compared':>10}{'different':>10}{'tokens/s':>12}{'Rust':>12}{'times':>7}{'load ms':>9}")
    for section in sections:
        line = f"{section['name'][:31]:32}{section['compared']:10}{section['different']:10}"
        if section["name"] in speeds and "tokens_per_second" in section:
            ours, theirs = section["tokens_per_second"], speeds[section["name"]]
            line += f"{ours:12,.0f}{theirs:12,.0f}{ours / theirs:7.2f}{section['load_milliseconds']:9.1f}"
        print(line)
    print(f"{sum(s['compared'] for s in sections)} compared, {sum(s['different'] for s in sections)} different; "
          f"tokenizers {rust['tokenizers']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder with a WordPiece tokenizer.json")
    parser.add_argument("--folders", help="folder of folders with a tokenizer each")
    parser.add_argument("--only", nargs="*", help="names of those")
    parser.add_argument("--texts", type=int, default=10000, help="how many for each of those")
    parser.add_argument("--data", nargs="*", default=[], help="JSON Lines files with text or tokens; with --folders plain texts too")
    parser.add_argument("--output", default="comparison.bin")
    parser.add_argument("--generated", type=int, default=4000)
    parser.add_argument("--scalars", action="store_true", help="every scalar value too")
    parser.add_argument("--report", metavar="FILE", help="print the figures of both sides")
    arguments = parser.parse_args()
    if arguments.report:
        report(arguments.report)
    else:
        write_folders(arguments) if arguments.folders else write(arguments)
