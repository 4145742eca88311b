"""Losses: depth, contrast of depth, the class of a clip (FAS-SGTD), and the class of each place (DeepPixBiS).

Depth maps are (B, S, h, w); a target is the true depth of bona fide presentations and zero for attacks.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor

from unmask.models.output import Output


def depth_target(depth: Tensor, bona_fide: Tensor) -> Tensor:
    """`depth` (B, S, h, w) where `bona_fide` (B,) is true, flat (zero) elsewhere."""
    return depth * bona_fide.to(depth.dtype)[:, None, None, None]


def edl(predicted: Tensor, target: Tensor) -> Tensor:
    """Euclidean depth loss: the mean squared difference."""
    return F.mse_loss(predicted, target)


def cdl(predicted: Tensor, target: Tensor, *, valid: bool = False) -> Tensor:
    """Contrastive depth loss: the mean squared difference of the eight differences to the neighbours.

    Zero padding as in the code; with `valid` only pixels with all eight neighbours count (CDCN).

    >>> flat = torch.zeros(1, 1, 4, 4)
    >>> cdl(flat + 1, flat, valid=True).item(), cdl(flat + 1, flat).item() > 0
    (0.0, True)
    """
    difference = (predicted - target).flatten(0, -3)[:, None]  # (n, 1, h, w); the kernels are linear
    contrast = F.conv2d(difference, _contrast_kernels(difference), padding=0 if valid else 1)
    return contrast.square().mean()


def binary(logits: Tensor, bona_fide: Tensor, *, double_softmax: bool = False) -> Tensor:
    """Cross entropy of `logits` (B, 2) = (live, spoof); `double_softmax` of their softmax, as published."""
    scores = logits.softmax(dim=1) if double_softmax else logits
    return F.cross_entropy(scores, (~bona_fide.bool()).long())


def binary_score(score: Tensor, bona_fide: Tensor) -> Tensor:
    """Cross entropy of scores (B,) in [0, 1] as p(live): binary supervision of a network without logits.

    It leaves the network and its score as they are, so that only the supervision differs.

    >>> binary_score(torch.tensor([1.0, 0.5]), torch.tensor([True, False])).item().__round__(4)  # log(2) / 2
    0.3466
    """
    sure = torch.where(bona_fide.bool(), score, 1 - score)  # how likely it held the truth
    return -sure.clamp_min(1e-6).log().mean()


def pixels(logits: Tensor, bona_fide: Tensor) -> Tensor:
    """Pixel-wise binary cross entropy: each place of `logits` (B, S, h, w) bears the class of its clip."""
    target = bona_fide.to(logits.dtype)[:, None, None, None].expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits, target)


def single_frame(output: Output, target: Tensor) -> Tensor:
    """Stage 1 as published: EDL + 0.5 CDL on `target` (B, S, 32, 32)."""
    if output.depth is None:
        raise TypeError("the single-frame loss needs depth maps")
    return edl(output.depth, target) + 0.5 * cdl(output.depth, target)


def multi_frame(output: Output, target: Tensor, *, bona_fide: Tensor, beta: float = 0.8) -> Tensor:
    """Stage 2: beta binary + (1 - beta) (EDL + CDL), `target` (B, T - 1, 32, 32) of the frames but the last.

    The code divides the sum over its four steps by five; here it is their mean.
    """
    if output.logits is None or output.depth is None:
        raise TypeError("the multi-frame loss needs depth maps and class logits")
    depth = edl(output.depth, target) + cdl(output.depth, target)
    return beta * binary(output.logits, bona_fide) + (1 - beta) * depth


def _contrast_kernels(like: Tensor) -> Tensor:
    """(8, 1, 3, 3): -1 in the centre, +1 at NW, N, NE, W, E, SW, S, SE."""
    neighbours = [place for place in range(9) if place != 4]
    kernels = torch.zeros(8, 9, dtype=like.dtype, device=like.device)
    kernels[:, 4] = -1
    kernels[range(8), neighbours] = 1
    return kernels.view(8, 1, 3, 3)
