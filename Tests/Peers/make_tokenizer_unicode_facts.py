"""Writes Sources/Tokenizers/Unicode/UnicodeFacts.swift: what Hugging Face tokenizers believes about every scalar value.

The Rust library carries Unicode tables of several ages (its categories are older than its lower-casing). Graft's ids
must equal its ids, so the facts are asked of the installed library itself, one scalar value at a time:

    python Tests/Peers/make_tokenizer_unicode_facts.py
"""

import pathlib
import textwrap
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

OUTPUT = pathlib.Path(__file__).parents[2] / "Sources/Tokenizers/Unicode/UnicodeFacts.swift"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xAC00 + 11172)


def ranges(scalars):
    """Sorted scalars as half-open ranges."""
    found = []
    for c in scalars:
        if found and found[-1][1] == c:
            found[-1][1] = c + 1
        else:
            found.append([c, c + 1])
    return found


def encoded_ranges(scalars):
    """Hexadecimal numbers: the gap before each range, then its length."""
    words, position = [], 0
    for first, end in ranges(scalars):
        words += [f"{first - position:x}", f"{end - first:x}"]
        position = end
    return words


def encoded_values(mapping):
    """Runs of equal values over consecutive scalars: gap, length, value."""
    words, position = [], 0
    items = sorted(mapping.items())
    i = 0
    while i < len(items):
        j = i
        while j + 1 < len(items) and items[j + 1][0] == items[j][0] + 1 and items[j + 1][1] == items[i][1]:
            j += 1
        words += [f"{items[i][0] - position:x}", f"{j - i + 1:x}", f"{items[i][1]:x}"]
        position = items[j][0] + 1
        i = j + 1
    return words


def encoded_mappings(mapping):
    """Runs `gap:length,step:target` where one scalar maps to one and targets rise alike; else `gap=target,target…`.

    A run covers `length` scalars, each `step` after the one before, whose targets are each `step` apart too.
    """
    words, position = [], 0
    items = sorted((c, tuple(t)) for c, t in mapping.items())
    i = 0
    while i < len(items):
        c, target = items[i]
        best = (1, 1)
        if len(target) == 1:
            for step in (1, 2):
                n = 1
                while (i + n < len(items) and items[i + n][0] == c + step * n
                       and items[i + n][1] == (target[0] + step * n,)):
                    n += 1
                best = max(best, (n, step))
        n, step = best
        if n > 1:
            words.append(f"{c - position:x}:{n:x},{step:x}:{target[0]:x}")
        else:
            words.append(f"{c - position:x}=" + ",".join(f"{t:x}" for t in target))
        position = items[i + n - 1][0] + 1
        i += n
    return words


def changed(normalizer):
    """Scalars a normalizer changes, with what it makes of them."""
    return {c: [ord(t) for t in out] for c in SCALARS if (out := normalizer.normalize_str(chr(c))) != chr(c)}


def combining_classes(nfd):
    """Canonical combining classes, found by whom a scalar changes places with."""
    def swaps(left, right):
        return left != right and nfd.normalize_str(left + right) == right + left

    last = "\u0345"  # class 240, the highest: every other non-starter moves before it
    marks = [chr(c) for c in SCALARS if nfd.normalize_str(chr(c)) == chr(c) and swaps(last, chr(c))] + [last]
    representatives = {}
    for mark in marks:
        known = unicodedata.combining(mark)
        if known and not any(swaps(mark, m) or swaps(m, mark) for m in representatives.get(known, [])):
            representatives.setdefault(known, []).append(mark)
    order = sorted(representatives)
    for low, high in zip(order, order[1:]):
        assert swaps(representatives[high][0], representatives[low][0]), (low, high)
    classes = {}
    for mark in marks:
        equal = [k for k in order if not swaps(mark, representatives[k][0]) and not swaps(representatives[k][0], mark)]
        assert len(equal) == 1, (hex(ord(mark)), equal)
        classes[ord(mark)] = equal[0]
    return classes


def compositions(nfd, nfc):
    """Pairs that compose, without Hangul: composed scalar → (first, second)."""
    pairs = {}
    for c in SCALARS:
        parts = nfd.normalize_str(chr(c))
        if c in HANGUL or len(parts) < 2 or nfc.normalize_str(chr(c)) != chr(c):
            continue
        first = nfc.normalize_str(parts[:-1])
        assert len(first) == 1 and nfc.normalize_str(first + parts[-1]) == chr(c), hex(c)
        pairs[c] = (ord(first), ord(parts[-1]))
    return pairs


def without_hangul(mapping):
    for c in HANGUL:
        index = c - 0xAC00
        parts = [0x1100 + index // 588, 0x1161 + index % 588 // 28] + ([0x11A7 + index % 28] if index % 28 else [])
        assert mapping.get(c) == parts, hex(c)
    return {c: t for c, t in mapping.items() if c not in HANGUL}


def main():
    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    bare = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    chinese = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    nfd, nfc, nfkd = normalizers.NFD(), normalizers.NFC(), normalizers.NFKD()
    strip_accents, lowercase = normalizers.StripAccents(), normalizers.Lowercase()
    bert, word, space = pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit()

    def pieces(splitter, c):
        return len(splitter.pre_tokenize_str(f"a{chr(c)}b"))

    def matching(expression):
        """Scalars that match in the library's other engine of regular expressions, which has tables of its own."""
        splitter = pre_tokenizers.Split(Regex(expression), "isolated")
        return [c for c in SCALARS if len(splitter.pre_tokenize_str(f"\u0378{chr(c)}\u0378")) == 3]

    spaces = [c for c in SCALARS if pieces(space, c) == 2]
    assert all(space.pre_tokenize_str(f"a{chr(c)}b") == [("a", (0, 1)), ("b", (2, 3))] for c in spaces)
    assert spaces == [c for c in SCALARS if pieces(word, c) == 2], "\\s is White_Space"
    assert spaces == matching(r"\s"), "\\s is one thing"
    cleaned = {c: clean.normalize_str(f"a{chr(c)}b") for c in SCALARS}
    removed = [c for c in SCALARS if cleaned[c] == "ab"]
    assert [c for c in SCALARS if cleaned[c] == "a b"] == [c for c in spaces if c not in removed]
    canonical = without_hangul(changed(nfd))
    compatible = {c: t for c, t in without_hangul(changed(nfkd)).items() if canonical.get(c) != t}
    assert set(canonical) <= set(compatible) | {c for c in canonical if nfkd.normalize_str(chr(c)) != chr(c)}

    tables = [
        ("whitespace", "White_Space, also `\\s`: ranges.", encoded_ranges(spaces)),
        ("removedByCleaning", "What BertNormalizer's clean_text removes: NUL, U+FFFD, other than tab, line feed and return "
         "the categories Cc, Cf, Co: ranges.", encoded_ranges(removed)),
        ("chinese", "What BertNormalizer's handle_chinese_chars sets apart: ranges.",
         encoded_ranges(c for c in SCALARS if chinese.normalize_str(chr(c)) != chr(c))),
        ("punctuation", "ASCII punctuation and the categories P*: ranges.",
         encoded_ranges(c for c in SCALARS if pieces(bert, c) == 3)),
        ("word", "`\\w`: ranges.", encoded_ranges(c for c in SCALARS if pieces(word, c) == 1)),
        ("letter", "`\\p{L}`: ranges.", encoded_ranges(matching(r"\p{L}"))),
        ("number", "`\\p{N}`: ranges.", encoded_ranges(matching(r"\p{N}"))),
        ("nonspacingMark", "Category Mn as BertNormalizer's strip_accents knows it: ranges.",
         encoded_ranges(c for c in SCALARS if bare.normalize_str(chr(c)) == "" )),
        ("combiningMark", "Categories M* as the normalizer StripAccents knows them: ranges.",
         encoded_ranges(c for c in SCALARS if strip_accents.normalize_str(chr(c)) == "")),
        ("combiningClass", "Canonical combining classes: runs of gap, length, class.", encoded_values(combining_classes(nfd))),
        ("lowercase", "Lower case, scalar by scalar: mappings.", encoded_mappings(changed(lowercase))),
        ("canonicalDecomposition", "NFD without Hangul: mappings.", encoded_mappings(canonical)),
        ("compatibleDecomposition", "NFKD where it differs from NFD: mappings.", encoded_mappings(compatible)),
        ("composition", "NFC without Hangul: composed scalar = first, second: mappings.",
         encoded_mappings(compositions(nfd, nfc))),
    ]

    lines = [
        f"// Generated by Tests/Peers/{pathlib.Path(__file__).name} from tokenizers {tokenizers.__version__}. Do not edit.",
        "",
        "/// What Hugging Face tokenizers holds true of every Unicode scalar value, as text that `UnicodeTables` reads.",
        "///",
        "/// All numbers are hexadecimal. Ranges: `gap length` pairs. Mappings: `gap=target,…` for one scalar, or",
        "/// `gap:count,step:target` for `count` scalars `step` apart whose single targets rise by `step` too. A gap counts",
        "/// from the end of the entry before.",
        "enum UnicodeFacts {",
    ]
    for name, comment, words in tables:
        body = textwrap.wrap(" ".join(words), width=108, break_long_words=False, break_on_hyphens=False)
        lines += ["    /// " + part for part in textwrap.wrap(comment, 108)]
        lines += [f'    static let {name}: StaticString = """', *("        " + line for line in body), '        """', ""]
        print(name, len(words), sum(map(len, body)))
    lines[-1] = "}"
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
