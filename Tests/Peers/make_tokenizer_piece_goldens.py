"""Writes the goldens of Unigram tokenizers to Tests/Fixtures/tokenizers: pieces.json and piece-stages.json.

    python Tests/Peers/make_tokenizer_piece_goldens.py

pieces.json has a tiny tokenizer of each family that SentencePiece trained, as transformers converts it, and what Hugging
Face tokenizers makes of nasty texts. All share one real `nmt_nfkc` character map, which stands there once: where a
normalizer says "CHARACTER MAP", it is meant. piece-stages.json has one small vocabulary and many pipelines around it.
"""

import base64
import copy
import json
import pathlib
import random
import tempfile

import sentencepiece
import tokenizers
import transformers
from transformers.convert_slow_tokenizer import import_protobuf

from compare_tokenizers import generated, special_cases
from make_tokenizer_goldens import SENTENCES, VERSIONS, cases, write
from tokenizer_charsmap import cluster_counter

PIECE_VERSIONS = dict(VERSIONS, sentencepiece=sentencepiece.__version__, maker=f"Tests/Peers/{pathlib.Path(__file__).name}")
SPACES = ["\u00a0\u2003a\u3000b\u200b c", "  leading", "trailing  ", " \n ", "a  b   c    d", "\u2581a \u2581 \u2581\u2581b\u2581",
          "\u2581", "x\u2581\u2581", "\t\ttabs\tand\r\nlines\n", "``quoted'' ``''", "a\r\nb\rc\nd", "\u0301\u0301a", "\u0600a \u06dd1"]
MARKS = ["<mask>", " <mask> ", "a<mask>b", "a  <mask>  b", "<s>a</s>", "[MASK] [CLS]a[SEP]", "<extra_id_0> x <extra_id_1>", "<pad>",
         "<unk>", "[UNK] <unk>a<unk>", "<mask><mask>", "</s> </s>", "<0x41>", "\u2581<mask>\u2581"]
CLUSTERS = ["e\u0301\u200d\u00a9\u0301", "\u00a9\u200d\u00ae\u0301", "\u00a9\u0301\u200d\u00ae\u0301", "\u0915\u094d\u0937\u0301", "\u0915\u094d\u200c\u0937\u0301",
            "\u0915\u093c\u094d\u0937\u0301", "\u1100\u1161\u11a8\u0301", "\uac00\u11a8\u0301\uac01\u11a8\u0301", "\u1100\u0301\u1161", "\u0600\u00e9\u0301", "\U000110bda",
            "\r\n\u0301", "\r\r\n\n", "a\u200d\u200db", "\U0001f1e9\U0001f1ea\U0001f1eb\u0301", "\u0903\u0301a\u0903", "\u2122\u0301", "\ufb01\u0301", "\u00bd\u200d",
            "\u2460\u0301 \u2122\u001eg \u2122\u001e\u001eg", "\u001ea\u001fb", "\uff76\uff9e\uff8a\uff9f", "\u0ca8\u0cca", "A\u030a \u212b \u1e9b\u0323"]


def texts(source, count):
    found = SENTENCES + special_cases() + SPACES + MARKS + CLUSTERS + generated(60, seed=21)
    kept = [text for text in found if len(text) < 60]
    return SPACES + MARKS + source.sample([text for text in kept if text not in SPACES + MARKS], count)


def train(folder, **options):
    """A SentencePiece model of a few hundred pieces."""
    path = folder / "texts.txt"
    lines = [" ".join(text.split()) for text in SENTENCES * 3]
    words = sorted({word for line in lines for word in line.split()})
    source = random.Random(9)
    lines += [" ".join(source.sample(words, 6)) for _ in range(300)]
    path.write_text("\n".join(lines), "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(path), model_prefix=str(folder / "m"), minloglevel=2, num_threads=1, shuffle_input_sentence=False,
        hard_vocab_limit=False, normalization_rule_name="nmt_nfkc", **options)
    return folder / "m.model"


def character_map(path):
    model = import_protobuf().ModelProto()
    model.ParseFromString(path.read_bytes())
    return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


def families():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        usual = dict(vocab_size=420)
        albert = dict(vocab_size=380, pad_id=0, unk_id=1, eos_id=-1, bos_id=-1, control_symbols="[CLS],[SEP],[MASK]")
        deberta = dict(vocab_size=400, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]",
                       eos_piece="[SEP]", unk_piece="[UNK]")
        t5 = dict(vocab_size=400, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
        for name, options, kind, settings in [
                ("XLM-RoBERTa", usual, transformers.XLMRobertaTokenizerFast, {}),
                ("CamemBERT", usual, transformers.CamembertTokenizerFast, {}),
                ("ALBERT", albert, transformers.AlbertTokenizerFast, {}),
                ("ALBERT, cased", albert, transformers.AlbertTokenizerFast, dict(do_lower_case=False, keep_accents=True)),
                ("DeBERTa-v3", deberta, transformers.DebertaV2TokenizerFast, {}),
                ("DeBERTa-v3, by punctuation", deberta, transformers.DebertaV2TokenizerFast,
                 dict(do_lower_case=True, split_by_punct=True)),
                ("T5", t5, transformers.T5TokenizerFast, dict(extra_ids=5)),
                ("T5, not legacy", t5, transformers.T5TokenizerFast, dict(extra_ids=5, legacy=False))]:
            path = train(folder, **options)
            made = kind(vocab_file=str(path), **settings)._tokenizer
            made.no_padding()
            made.no_truncation()
            yield name, json.loads(made.to_str()), character_map(path)


def older(name, document):
    """The pipeline that older releases of transformers wrote: the Hub is full of it."""
    found = copy.deepcopy(document)
    found["normalizer"] = next(n for n in found["normalizer"]["normalizers"] if n["type"] == "Precompiled")
    found["pre_tokenizer"] = dict(type="Sequence", pretokenizers=[
        dict(type="WhitespaceSplit"), dict(type="Metaspace", replacement="\u2581", str_rep="\u2581", add_prefix_space=True)])
    return f"{name}, older", found


def pieces():
    source, found, shared = random.Random(8), [], None
    documents = []
    for name, document, characters in families():
        shared = shared or characters
        assert characters == shared, "one character map"
        documents.append((name, document))
        if name in ("XLM-RoBERTa", "T5"):
            documents.append(older(name, document))
    for name, document in documents:
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(document))
        text = json.dumps(document, ensure_ascii=False)
        assert shared in text
        found.append(dict(name=name, tokenizer=json.loads(text.replace(shared, "CHARACTER MAP")),
                          cases=cases(tokenizer, texts(source, 40), source)))
    write("pieces.json", dict(versions=PIECE_VERSIONS, characterMap=shared, tokenizers=found))
    return shared


def small_model(source, **fields):
    """A vocabulary with ties, tokens that overlap, and holes."""
    letters = "abcdehlnorst\u2581<>/ X.,1\u00e9\u00df\u4e2d\U0001f600"
    tokens = ["<unk>", "<s>", "</s>", "<mask>", *letters, "ab", "bc", "abc", "cab", "he", "ll", "hell", "hello", "\u2581hello", "\u2581a",
              "\u2581\u2581", "\u2581the", "the", "\u00e9t\u00e9", "\u4e2d\u6587", "ZZ", "e\u0301", "\u2581.", "XX", "XXX"]
    scores = [0.0 if i < 4 else -float(source.randrange(2, 8)) - source.choice([0.0, 0.0, 0.123456789012345]) for i in range(len(tokens))]
    return dict(dict(type="Unigram", unk_id=0, vocab=[list(e) for e in zip(tokens, scores)], byte_fallback=False), **fields)


def stage_variants(source):
    metaspace = dict(type="Metaspace", replacement="\u2581", prepend_scheme="always", split=True)
    base = dict(version="1.0", truncation=None, padding=None, added_tokens=[], normalizer=None, pre_tokenizer=metaspace,
                post_processor=None, decoder=None, model=small_model(source))
    for i, content in enumerate(["<s>", "</s>", "<mask>"]):
        base["added_tokens"].append(dict(id=i + 1, content=content, single_word=False, lstrip=content == "<mask>", rstrip=False,
                                         normalized=False, special=True))
    yield "as it is", base
    normalizer = lambda *parts: dict(base, normalizer=dict(type="Sequence", normalizers=list(parts)))
    counter = dict(type="Precompiled", precompiled_charsmap=base64.b64encode(cluster_counter()).decode())
    yield "clusters", dict(base, normalizer=counter)
    yield "clusters, each a word", dict(base, normalizer=counter, pre_tokenizer=dict(
        type="Split", pattern=dict(String="X"), behavior="Isolated", invert=False))
    yield "clusters after NFD", normalizer(dict(type="NFD"), counter)
    yield "Nmt", dict(base, normalizer=dict(type="Nmt"))
    yield "prepended", normalizer(dict(type="Prepend", prepend="\u2581"), dict(type="Replace", pattern=dict(String=" "), content="\u2581"))
    yield "prepended two", normalizer(dict(type="Prepend", prepend="ab"), dict(type="Prepend", prepend="c"))
    for pattern in (" {2,}", r"\s+", "[ab]{2}", "l+e?", "a[^b\\s]", r"\.", "a{1,2}b", "[\\sa-c]+X*"):
        yield f"replaced {pattern}", normalizer(dict(type="Replace", pattern=dict(Regex=pattern), content=" hello"))
    yield "replaced by nothing", normalizer(dict(type="Replace", pattern=dict(String="l"), content=""))
    yield "stripped", normalizer(dict(type="Strip", strip_left=True, strip_right=True))
    for scheme in ("always", "first", "never"):
        for split in (True, False):
            changed = dict(base, pre_tokenizer=dict(metaspace, prepend_scheme=scheme, split=split))
            yield f"Metaspace {scheme} {split}", changed
            yield f"Metaspace {scheme} {split} after strip", dict(changed, normalizer=dict(
                type="Strip", strip_left=True, strip_right=False))
    sequence = lambda *parts: dict(base, pre_tokenizer=dict(type="Sequence", pretokenizers=list(parts)))
    first = dict(metaspace, prepend_scheme="first")
    yield "punctuation and first", sequence(dict(type="Punctuation", behavior="Isolated"), first)
    yield "Metaspace twice", sequence(metaspace, dict(metaspace, replacement="a"))
    yield "another mark", dict(base, pre_tokenizer=dict(metaspace, replacement="X"))
    for each in (True, False):
        yield f"digits {each}", sequence(dict(type="Digits", individual_digits=each), first)
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for pattern in (dict(String="l"), dict(Regex=r"\s+"), dict(Regex="[a-e]{2}")):
            for invert in (False, True):
                yield f"split {behavior} {pattern} {invert}", dict(base, pre_tokenizer=dict(
                    type="Split", pattern=pattern, behavior=behavior, invert=invert))
    yield "no pre-tokenizer", dict(base, pre_tokenizer=None)
    model = base["model"]
    all_bytes = [[f"<0x{byte:02X}>", 0.0] for byte in range(256)]
    yield "bytes", dict(base, model=dict(model, byte_fallback=True, vocab=model["vocab"] + all_bytes))
    yield "some bytes", dict(base, model=dict(model, byte_fallback=True, vocab=model["vocab"] + all_bytes[:0xC8] + all_bytes[0xCA:]))
    yield "good scores", dict(base, model=dict(model, vocab=[[t, s + 8] for t, s in model["vocab"]]))
    yield "very good scores", dict(base, model=dict(model, vocab=[[t, s + 30] for t, s in model["vocab"]]))
    yield "near ties", dict(base, model=dict(model, vocab=model["vocab"][:10] + near_ties(random.Random(4)) + model["vocab"][10:]))
    yield "unknown in the middle", dict(base, model=dict(model, unk_id=9))
    pieces = lambda *names: [dict(SpecialToken=dict(id=n, type_id=t)) if n not in "AB" else dict(Sequence=dict(id=n, type_id=t))
                             for n, t in names]
    special = {n: dict(id=n, ids=[i], tokens=[n]) for i, n in enumerate(["<unk>", "<s>", "</s>", "<mask>"])}
    template = dict(type="TemplateProcessing", single=pieces(("<s>", 0), ("A", 0), ("</s>", 0)),
                    pair=pieces(("<s>", 0), ("A", 0), ("</s>", 0), ("</s>", 1), ("B", 1), ("</s>", 2)), special_tokens=special)
    yield "template", dict(base, post_processor=template)
    yield "template of several ids", dict(base, post_processor=dict(
        template, single=pieces(("A", 3), ("two", 1)), pair=pieces(("B", 0), ("two", 0), ("A", 1)),
        special_tokens=dict(special, two=dict(id="two", ids=[1, 3], tokens=["<s>", "<mask>"]))))
    yield "post-processors in sequence", dict(base, post_processor=dict(type="Sequence", processors=[
        dict(type="ByteLevel", add_prefix_space=True, trim_offsets=False, use_regex=True), template]))
    yield "empty sequence", dict(base, post_processor=dict(type="Sequence", processors=[]))
    added = base["added_tokens"] + [
        dict(dict(id=len(model["vocab"]) + i, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False,
                  special=False), **flags)
        for i, (content, flags) in enumerate([
            ("New York", dict(normalized=True)), ("<l>", dict(lstrip=True)), ("<r>", dict(rstrip=True)), ("HE", dict(normalized=True)),
            ("<lr>", dict(lstrip=True, rstrip=True, normalized=True)), ("word", dict(single_word=True))])]
    yield "added tokens", dict(base, added_tokens=added)
    yield "added tokens, normalized", dict(normalizer(dict(type="Lowercase"), dict(type="Prepend", prepend="\u2581"), dict(
        type="Replace", pattern=dict(String=" "), content="\u2581")), added_tokens=added)
    yield "added tokens and first", dict(base, added_tokens=added, pre_tokenizer=first)


def near_ties(source):
    """Pairs of equal letters whose way of being spelled hangs on the last bit of the scores, as the Rust library reads them.

    It divides the digits by a power of ten, which is not always the float64 that is nearest.
    """
    def read(score):
        digits = repr(-score).replace(".", "")
        return -(float(int(digits)) / 10.0 ** len(repr(-score).split(".")[1]))

    tokens = []
    for index in range(24):
        while True:
            one = -source.uniform(3, 12)
            two = one + one
            if (read(one) + read(one) > read(two)) == (index % 2 == 0) and read(one) + read(one) != read(two):
                break
        tokens += [[chr(0x4E00 + index), one], [2 * chr(0x4E00 + index), two]]
    return tokens


def stages():
    source, found = random.Random(10), []
    own = ["abc", "cabab", "hello", "hellohello", "  hello   the  ", "XXXX", "ZZZ", "qqq", "q\u4e2d\u6587q", "\u00e9t\u00e9 e\u0301", "a\u0301b", "\U0001f600\U0001f601",
           "New York new york", "a <l> b <r>  c  <lr>  d", "HE he word words sword word", "12 3\u00bd\u0663\u2460 4", "llleel", "a.b..c", "<s>a<mask> b</s>",
           "ababcabcab", " a", "a ", "", " ", "  "]
    for name, document in stage_variants(source):
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(document))
        chosen = own + source.sample(SPACES + CLUSTERS, 6)
        if name == "near ties":
            chosen += [2 * t for t, _ in document["model"]["vocab"] if len(t) == 1 and t >= "\u4e00"]
        if name.startswith("clusters"):
            chosen = CLUSTERS + SPACES + [text for text in generated(400, seed=31) if len(text) < 40][:60]
        stage = copy.deepcopy(document)
        if stage["model"] == small:
            stage["model"] = "MODEL"
        found.append(dict(name=name, tokenizer=stage, cases=cases(
            tokenizer, chosen if name in ("near ties", "clusters", "clusters, each a word") else source.sample(chosen, 14), source)))
    write("piece-stages.json", dict(versions=PIECE_VERSIONS, model=small, tokenizers=found))


if __name__ == "__main__":
    small = small_model(random.Random(10))
    pieces()
    stages()
