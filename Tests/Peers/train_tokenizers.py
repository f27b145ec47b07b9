"""Makes a model folder's tokenizer files of every kind Graft reads, for compare_tokenizers.py --folders.

    python Tests/Peers/train_tokenizers.py --texts A.jsonl B.txt --output FOLDER [--gpt2 FOLDER] [--size 6000]

Each kind is trained on the texts, with the options the family's own vocabulary was trained with. A kind whose files are
older than tokenizer.json comes twice: as those files (spm.model, vocab.json …), and as the tokenizer.json that transformers
makes of them. --gpt2 names a folder with GPT-2's real encoder.json and vocab.bpe, whose merges are RoBERTa's.
"""

import argparse
import json
import os
import pathlib
import random
import shutil

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BERT = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]


def read_texts(paths):
    lines = []
    for path in paths:
        for line in open(path, encoding="utf-8"):
            if str(path).endswith("l"):
                row = json.loads(line)
                line = row.get("text") or " ".join(row.get("tokens", []))
            if line.strip():
                lines.append(line.strip().replace("\0", ""))
    return lines


# MARK: Byte-level

def byte_level(texts, size, special):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def roberta_files(folder, vocabulary, merges, **config):
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), "utf-8")
    (folder / "config.json").write_text(json.dumps(dict(model_type="roberta")))
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))


def roberta(texts, size, output, gpt2):
    model = json.loads(byte_level(texts, size, ROBERTA[:4]).to_str())["model"]
    vocabulary = model["vocab"]
    vocabulary["<mask>"] = len(vocabulary)
    roberta_files(output / "roberta-files", vocabulary, model["merges"])
    roberta_files(output / "roberta-prefix-files", vocabulary, model["merges"], add_prefix_space=True,
                  tokenizer_class="RobertaTokenizer")
    roberta_files(output / "roberta-untrimmed-files", vocabulary, model["merges"], trim_offsets=False,
                  additional_special_tokens=["<ent>", "</ent>"], mask_token=dict(
                      __type="AddedToken", content="<mask>", lstrip=True, rstrip=True, normalized=True, single_word=False))
    if gpt2:
        # RoBERTa's vocabulary is GPT-2's in another order, its own tokens around it.
        encoder = json.loads((gpt2 / "encoder.json").read_text("utf-8"))
        tokens = ROBERTA[:4] + sorted((t for t in encoder if t != "<|endoftext|>"), key=encoder.get) + ["<mask>"]
        merges = [line.split() for line in (gpt2 / "vocab.bpe").read_text("utf-8").split("\n")[1:-1]]
        roberta_files(output / "roberta-gpt2-files", {t: i for i, t in enumerate(tokens)}, merges)


def modernbert(texts, size, output):
    tokenizer = byte_level(texts, size, ["|||IP_ADDRESS|||", "<|padding|>"])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    tokenizer.add_tokens([AddedToken(t, normalized=True) for t in ("|||EMAIL_ADDRESS|||", "|||PHONE_NUMBER|||")])
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False, lstrip=t == "[MASK]") for t in BERT])
    tokenizer.add_tokens([AddedToken(f"[unused{n}]", normalized=True) for n in range(8)])
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    tokenizer.decoder = decoders.ByteLevel()
    folder = output / "modernbert"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(
        tokenizer_class="PreTrainedTokenizerFast", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", pad_token="[PAD]",
        mask_token="[MASK]", model_max_length=8192)))


# MARK: Other byte pairs

def other_pairs(texts, size, output):
    def save(name, tokenizer, **model):
        document = json.loads(tokenizer.to_str())
        document["model"].update(model)
        # What is in the vocabulary is found by the model alone, as in the files of the families.
        document["added_tokens"] = [t for t in document["added_tokens"] if t["content"] == "<unk>"]
        (output / name).mkdir()
        (output / name / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        return document

    source = random.Random(3)
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size // 2 + 100, special_tokens=["<unk>"], limit_alphabet=100, continuing_subword_prefix="##",
        end_of_word_suffix="</w>", show_progress=False))
    save("pairs-affixes", tokenizer)

    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size // 2 + 256, special_tokens=["<unk>", *(f"<0x{b:02X}>" for b in range(256))], limit_alphabet=100,
        show_progress=False))
    save("pairs-unknown", tokenizer, fuse_unk=False)
    save("pairs-fused", tokenizer, fuse_unk=True)
    save("pairs-dropped", tokenizer, unk_token=None)
    save("pairs-whole-words", tokenizer, ignore_merges=True)
    document = save("pairs-fallback", tokenizer, byte_fallback=True, fuse_unk=True)
    # Without the byte tokens of some characters, unknown ones and fallen back ones mix.
    vocabulary = {t: i for t, i in document["model"]["vocab"].items() if t not in {f"<0x{b:02X}>" for b in range(0x90, 0xA8)}}
    save("pairs-fallback-partly", tokenizer, byte_fallback=True, fuse_unk=True, vocab=vocabulary)
    save("pairs-legacy", tokenizer, merges=[" ".join(m) for m in document["model"]["merges"]])

    # Byte-level, where some bytes have no token.
    tokenizer = byte_level(texts, size, [])
    document = json.loads(tokenizer.to_str())
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    gone = set(source.sample([c for c in alphabet if ord(c) > 0x100], 40))
    merges = [m for m in document["model"]["merges"] if not gone & set("".join(m))]
    kept = {t: i for t, i in document["model"]["vocab"].items() if not gone & set(t)}
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=False)
    save("bytes-dropped", tokenizer, vocab=kept, merges=merges)
    save("bytes-unknown", tokenizer, vocab=kept, merges=merges, unk_token=next(iter(kept)), fuse_unk=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=True)
    save("bytes-sequence", tokenizer, ignore_merges=True)


# MARK: SentencePiece

def train_pieces(texts, prefix, rules, **options):
    if rules:
        options.update(normalization_rule_name="user_defined", normalization_rule_tsv=str(rules))
    source = pathlib.Path(f"{prefix}.txt")
    source.write_text("\n".join(" ".join(text.split())[:4000] for text in texts), "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(source), model_prefix=str(prefix), minloglevel=2, num_threads=1, input_sentence_size=20000,
        shuffle_input_sentence=False, hard_vocab_limit=False, **options)
    source.unlink()
    return pathlib.Path(f"{prefix}.model")


def sentence_pieces(texts, size, output, rules=None):
    """Trains each family's SentencePiece file; rules are characters to normalize, in place of the family's own."""
    # Kind, file, model_type, class, options of training, settings of tokenizer_config.json.
    fairseq = dict(vocab_size=size, character_coverage=0.9995, normalization_rule_name="nmt_nfkc")
    kinds = [
        ("xlm-roberta", "sentencepiece.bpe.model", "xlm-roberta", "XLMRobertaTokenizer", fairseq, [{}]),
        ("camembert", "sentencepiece.bpe.model", "camembert", "CamembertTokenizer",
         dict(vocab_size=size // 2, user_defined_symbols=[], normalization_rule_name="nmt_nfkc"), [{}]),
        ("deberta-v2", "spm.model", "deberta-v2", "DebertaV2Tokenizer",
         dict(vocab_size=size, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]",
              unk_piece="[UNK]", normalization_rule_name="nmt_nfkc", character_coverage=0.999),
         [{}, dict(do_lower_case=True, split_by_punct=True), dict(added_tokens_decoder={
             str(i): dict(content=t, lstrip=False, rstrip=False, normalized=t == "[UNK]", single_word=False, special=True)
             for i, t in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]"])})]),
        ("albert", "spiece.model", "albert", "AlbertTokenizer",
         dict(vocab_size=size // 2, pad_id=0, unk_id=1, eos_id=-1, bos_id=-1, control_symbols="[CLS],[SEP],[MASK]",
              normalization_rule_name="nmt_nfkc_cf", user_defined_symbols="(,),\",-,.,\u2013,\u00a3,\u20ac"),
         [{}, dict(do_lower_case=False, keep_accents=True), dict(keep_accents=True)]),
        ("t5", "spiece.model", "t5", "T5Tokenizer",
         dict(vocab_size=size // 2, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="nmt_nfkc"),
         [{}, dict(extra_ids=3), dict(legacy=False), dict(extra_ids=0)]),
        ("t5-bytes", "spiece.model", "mt5", "T5Tokenizer",
         dict(vocab_size=size // 2 + 256, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="identity",
              byte_fallback=True, character_coverage=0.98), [{}]),
        ("t5-pairs", "spiece.model", "umt5", "T5Tokenizer",
         dict(vocab_size=size // 2, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, model_type="bpe", character_coverage=0.99,
              normalization_rule_name="nfkc"), [{}]),
    ]
    for kind, file, model_type, name, options, settings in kinds:
        model = train_pieces(texts, output / f"{kind}", rules, **options)
        for index, setting in enumerate(settings):
            folder = output / (f"{kind}-files" + (f"-{index}" if index else ""))
            folder.mkdir()
            shutil.copy(model, folder / file)
            (folder / "config.json").write_text(json.dumps(dict(model_type=model_type)))
            if setting:
                (folder / "tokenizer_config.json").write_text(json.dumps(dict(setting, tokenizer_class=name)))
            if index == 0:
                made = getattr(transformers, name + "Fast").from_pretrained(str(folder))
                (output / kind).mkdir()
                made._tokenizer.save(str(output / kind / "tokenizer.json"))
                (output / kind / "config.json").write_text(json.dumps(dict(model_type=model_type)))
        model.unlink()
        pathlib.Path(str(model).removesuffix("model") + "vocab").unlink()


# MARK: WordPiece

def word_pieces(texts, size, output):
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "[UNK]"], show_progress=False))
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get) + ["<mask>"]
    folder = output / "mpnet-files"
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(t + "\n" for t in tokens), "utf-8")
    (folder / "config.json").write_text(json.dumps(dict(model_type="mpnet")))
    for index, (name, setting) in enumerate([
            ("BertTokenizer", {}), ("DistilBertTokenizer", dict(do_lower_case=False)),
            ("ElectraTokenizerFast", dict(strip_accents=False, tokenize_chinese_chars=False)),
            ("BertTokenizer", dict(added_tokens_decoder={"3": dict(
                content="[MASK]", lstrip=True, rstrip=False, normalized=False, single_word=False, special=True)}))]):
        folder = output / f"bert-files-{index}"
        folder.mkdir()
        names = {"<s>": "[CLS]", "<pad>": "[PAD]", "</s>": "[SEP]", "<unk>": "[MASK]"}
        (folder / "vocab.txt").write_text("".join(names.get(t, t) + "\n" for t in tokens[:-1]), "utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(dict(setting, tokenizer_class=name)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", nargs="+", required=True, help="JSON Lines with text or tokens, or plain texts")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--gpt2", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=6000, help="tokens of a vocabulary, about")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.output, ignore_errors=True)
    arguments.output.mkdir(parents=True)
    lines = read_texts(arguments.texts)
    roberta(lines, arguments.size, arguments.output, arguments.gpt2)
    modernbert(lines, arguments.size, arguments.output)
    other_pairs(lines, arguments.size, arguments.output)
    sentence_pieces(lines, arguments.size, arguments.output)
    word_pieces(lines, arguments.size, arguments.output)
    print(*sorted(p.name for p in arguments.output.iterdir()))
