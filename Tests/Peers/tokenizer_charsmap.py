"""A character map of SentencePiece, made by hand, that shows where Hugging Face tokenizers breaks grapheme clusters."""

import struct


def cluster_counter():
    """A `precompiled_charsmap` whose keys are the first bytes of all characters, each leading to “X”.

    A key need not be the whole of what is looked up. So each grapheme cluster of less than six bytes becomes one X, and
    each character of a longer one does: the length of the result tells the clusters apart.
    """
    units = [0] * 1024
    units[0] = 256 << 10                                       # the children of the root stand at 256 ^ byte
    for byte in (*range(1, 0x80), *range(0xC2, 0xF5)):
        units[256 ^ byte] = 512 << 10 | 1 << 8 | byte          # ends a key; its value stands 512 further on
    data = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(data)) + data + b"X\0"
