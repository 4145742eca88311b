"""What every network says of a batch of clips."""

from typing import NamedTuple

import torch
from torch import Tensor


class Draws(NamedTuple):
    """What a network that makes hypotheses compares a face with.

    `feature` (B, T, d) of each frame; `real` and `attack` (K, d), the features made up from one set of
    K latent vectors. None is normalised. `tau` is the temperature of the score.
    """

    feature: Tensor
    real: Tensor
    attack: Tensor
    tau: float = 0.1


class Across(NamedTuple):
    """What a network that learns across domains gives in training, of B clips; its losses alone use it.

    `feature` (B, D). `domains` (B, K): logits of the domain, by a discriminator behind a reversed gradient.
    `reassembled` (B, D): the feature in the style of the clip `partner` (B,) of the batch. `heads` (B, K):
    logits of bona fide of each domain's own classifier. What it has no use for is None.
    """

    feature: Tensor
    domains: Tensor | None = None
    reassembled: Tensor | None = None
    partner: Tensor | None = None
    heads: Tensor | None = None


class Output(NamedTuple):
    """What a network says of B clips; what it has no answer to is None.

    `score` (B,) in [0, 1], higher is more bona fide; NaN where the mask is empty. `depth` (B, S, 32, 32), 1
    near and 0 flat (for networks that mark pixels: 1 bona fide, 0 attack); S is T, or T - 1 where two frames
    make one map. `logits` (B, 2) = (live, spoof). `draws`: features and hypotheses (FGHV). `pixels` (B, S, h,
    w): logits of bona fide of each place, for the pixel-wise loss. `across`: what losses across domains take.
    """

    score: Tensor
    depth: Tensor | None = None
    logits: Tensor | None = None
    draws: Draws | None = None
    pixels: Tensor | None = None
    across: Across | None = None


def masked_mean(depth: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B, S, h, w) over S and under a mask (B, h, w) or (h, w) -> (B,); an empty mask gives NaN.

    NaN, since nothing was looked at: the runtime counts it as a non-response and never as LIVE.
    """
    return (depth.mean(dim=1) * mask).sum(dim=(1, 2)) / mask.expand_as(depth[:, 0]).sum(dim=(1, 2))


def unless_unseen(score: Tensor, mask: Tensor) -> Tensor:
    """`score` (B,), NaN where the mask (B, h, w) or (h, w) is empty, though the network looks past it."""
    return torch.where(mask.sum(dim=(-2, -1)) > 0, score, torch.nan)
