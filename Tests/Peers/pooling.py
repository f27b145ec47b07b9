"""Sentence vectors out of hidden states."""

import torch


def pool(hidden, mask, mode):
    """Sentence vectors as sentence-transformers makes them, before normalizing."""
    if mode == "cls":
        return hidden[:, 0]
    real = mask.unsqueeze(-1)
    if mode == "max":
        return hidden.masked_fill(real == 0, -torch.inf).amax(1)
    return (hidden * real).sum(1) / real.sum(1)
