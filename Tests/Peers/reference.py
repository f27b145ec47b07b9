"""The Python side of the comparisons: sentence-transformers and transformers, with or without a PEFT adapter."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from peft import PeftModel
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

from pooling import pool

transformers.logging.set_verbosity_error()


class Reference:
    """An encoder folder opened by AutoModel, its adapter folder by PeftModel; in float64, so that all rounding is graft's."""

    def __init__(self, model, adapter=None):
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.encoder = AutoModel.from_pretrained(model, dtype=torch.float64)
        if adapter:
            self.encoder = PeftModel.from_pretrained(self.encoder, adapter, autocast_adapter_dtype=False).double()
        self.encoder.eval()
        self.longest = self.encoder.config.max_position_embeddings

    @torch.no_grad()
    def states(self, texts):
        """Last hidden states [1, tokens, hidden] of each text on its own, cut at `longest` tokens."""
        for text in texts:
            inputs = self.tokenizer(text, truncation=True, max_length=self.longest, return_tensors="pt")
            yield self.encoder(**inputs).last_hidden_state, inputs["attention_mask"]

    def pooled(self, texts, mode, normalize=False):
        """Sentence vectors [texts, hidden]."""
        vectors = torch.cat([pool(hidden, mask, mode) for hidden, mask in self.states(texts)])
        return torch.nn.functional.normalize(vectors, dim=-1) if normalize else vectors


def sentence_embeddings(model, texts):
    """What a user of sentence-transformers gets: float32, batches and padding included."""
    return SentenceTransformer(str(model), device="cpu").encode(texts, convert_to_tensor=True)
