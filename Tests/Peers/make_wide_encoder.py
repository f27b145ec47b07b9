"""Makes an encoder of BERT-base's shape, 768 wide with 12 layers, with random weights: for speed and memory, not for meaning.

Tokenizer and pooling are those of another encoder folder, so that both sides read the same texts as the same tokens.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import AutoTokenizer, BertConfig, BertModel


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the folder to write")
    parser.add_argument("--tokenizer", type=Path, required=True, help="the encoder folder whose tokenizer and pooling to take")
    parser.add_argument("--seed", type=int, default=0)
    o = parser.parse_args()
    torch.manual_seed(o.seed)
    vocabulary = max(AutoTokenizer.from_pretrained(o.tokenizer).get_vocab().values()) + 1
    config = BertConfig(vocab_size=vocabulary)  # otherwise BERT-base's numbers
    BertModel(config, add_pooling_layer=False).save_pretrained(o.output)
    files = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]
    files += ["modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"]
    for name in files:
        if (o.tokenizer / name).exists():
            shutil.copyfile(o.tokenizer / name, o.output / name)
    pooling = json.loads((o.tokenizer / "1_Pooling" / "config.json").read_text())
    pooling["word_embedding_dimension"] = config.hidden_size
    (o.output / "1_Pooling").mkdir(exist_ok=True)
    (o.output / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2) + "\n")
    print(f"wrote {o.output}: {config.num_hidden_layers} layers, {config.hidden_size} wide, vocabulary {vocabulary}, random")


if __name__ == "__main__":
    main()
