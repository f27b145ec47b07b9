"""Sentence vectors out of hidden states."""

import torch


def pool(hidden, mask, mode):
    """Sentence vectors as sentence-transformers makes them, before normalizing."""
    if mode == "cls":
        return hidden[:, 0]
    real = mask.unsqueeze(-1)
    if mode == "max":
        return hidden.masked_fill(real == 0, -torch.inf).amax(1)
    if mode == "lasttoken":
        return hidden[torch.arange(len(hidden)), mask.sum(1) - 1]
    if mode == "weightedmean":
        real = real * torch.arange(1, mask.shape[1] + 1)[:, None]
    if mode == "mean_sqrt_len_tokens":
        return (hidden * real).sum(1) / real.sum(1).sqrt()
    return (hidden * real).sum(1) / real.sum(1)
