"""The Python side of the comparisons: sentence-transformers and transformers, with or without a PEFT adapter."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from peft import PeftModel
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig, AutoModel, AutoTokenizer, T5EncoderModel

from pooling import pool

transformers.logging.set_verbosity_error()


class Reference:
    """An encoder folder opened by AutoModel, its adapter folder by PeftModel; in float64, so that all rounding is graft's."""

    def __init__(self, model, adapter=None):
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        kind = T5EncoderModel if AutoConfig.from_pretrained(model).model_type == "t5" else AutoModel
        self.encoder = kind.from_pretrained(model, dtype=torch.float64)
        if adapter:
            self.encoder = PeftModel.from_pretrained(self.encoder, adapter, autocast_adapter_dtype=False).double()
        self.encoder.eval()
        # RoBERTa and its like have two more positions than they take tokens; T5 has none.
        self.longest = getattr(self.encoder.config, "max_position_embeddings", self.tokenizer.model_max_length)
        self.longest = min(self.longest, self.tokenizer.model_max_length)

    @torch.no_grad()
    def states(self, texts):
        """Last hidden states [1, tokens, hidden] of each text on its own, cut at `longest` tokens."""
        for text in texts:
            inputs = self.tokenizer(text, truncation=True, max_length=self.longest, return_tensors="pt")
            yield self.encoder(**inputs).last_hidden_state, inputs["attention_mask"]

    def pooled(self, texts, mode, normalize=False):
        """Sentence vectors [texts, hidden]."""
        vectors = self.pooled_by(texts, [mode])[0]
        return torch.nn.functional.normalize(vectors, dim=-1) if normalize else vectors

    def pooled_by(self, texts, modes):
        """Sentence vectors [texts, hidden] of each mode, in one pass over the texts."""
        vectors = [[pool(hidden, mask, mode) for mode in modes] for hidden, mask in self.states(texts)]
        return [torch.cat(of_mode) for of_mode in zip(*vectors)]


def sentence_embeddings(model, texts, **options):
    """What a user of sentence-transformers gets: float32, batches and padding included."""
    return SentenceTransformer(str(model), device="cpu").encode(texts, convert_to_tensor=True, **options)
