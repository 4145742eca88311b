"""Losses of FGHV: what the generated features have to do with a face, and with one another.

c_k = cos(f, g_k) of a face and the k-th feature of real faces, e_k = cos(f, h_k) of the known attacks.
"""

from typing import Literal

import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor

from unmask.models.fghv.network import correlations
from unmask.models.output import Draws

RelativeForm = Literal["softmax", "linear", "hinge"]
VarianceOf = Literal["bona fide", "both"]


def relative(
    draws: Draws, bona_fide: Tensor, *, form: RelativeForm = "softmax", margin: float = 1.0
) -> Tensor:
    """Relative correlation constraint (RCC): a bona fide face is nearer to each g_k than to h_k.

    Only the difference c - e matters. "softmax" is -log p_k for bona fide and -log (1 - p_k) for attacks, at
    the temperature of the draws; "linear" the mean of e - c, or c - e for attacks; "hinge" stops pulling
    once the difference has reached `margin`.
    """
    real, attack = correlations(draws)
    lead = (real - attack) * (2 * bona_fide.to(real.dtype) - 1)[:, None, None]  # (B, T, K), to be raised
    if form == "softmax":
        return F.softplus(-lead / draws.tau).mean()
    return -lead.mean() if form == "linear" else F.relu(margin - lead).mean()


def variance(draws: Draws, bona_fide: Tensor, *, of: VarianceOf = "bona fide") -> Tensor:
    """Variance constraint (VAR): the mean over bona fide faces of the variance of c_k over k; 0 without one.

    With `of` "both" that of e_k over attacks is added; the paper's figure shows the first alone.
    """
    real, attack = correlations(draws)
    is_bona_fide = bona_fide.to(real.dtype)[:, None]  # (B, 1)
    loss = _share(real.var(dim=-1, correction=0), is_bona_fide)
    return loss + _share(attack.var(dim=-1, correction=0), 1 - is_bona_fide) if of == "both" else loss


def distribution(draws: Draws, *, margin: float = 0.9) -> Tensor:
    """Distribution discrimination constraint (DDC): the mean cosine of g_i and h_j less that of g_i and g_j.

    Alone it would turn all g_k into one vector, so the second mean counts up to `margin`; 1 never stops it.
    """
    real, attack = F.normalize(draws.real.float(), dim=1), F.normalize(draws.attack.float(), dim=1)
    return (real @ attack.T).mean() - (real @ real.T).mean().clamp(max=margin)


def collapse(generated: Tensor) -> Tensor:
    """Mean cosine of two different features out of (K, D): 1 when the latent vectors no longer matter."""
    unit, count = F.normalize(generated.float(), dim=1), len(generated)
    return (unit.sum(dim=0).square().sum() - unit.square().sum()) / (count * (count - 1))


def _share(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of (B, T) over the rows that `weights` (B, 1) counts; 0 where it counts none."""
    return (values * weights).sum() / (weights.sum() * values.shape[1]).clamp(min=1)
