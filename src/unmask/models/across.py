"""Losses of methods that learn across domains: what each asks of features, classes and domains of a batch.

`bona_fide` (B,) bool, `domain` (B,) int64, features (B, D).
"""

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor

from unmask.models.output import Across

BASE_TAU = 0.07  # of supervised contrast, as its authors scale it


def adversarial(across: Across, bona_fide: Tensor, domain: Tensor, *, of: str) -> Tensor:
    """Cross entropy of the domain, of "bona fide" clips alone (SSDG) or of "both" classes (SSAN).

    The gradient behind the discriminator is reversed, so that its features lose the domain.
    """
    assert across.domains is not None
    chosen = bona_fide.bool() if of == "bona fide" else torch.ones_like(bona_fide, dtype=torch.bool)
    each = F.cross_entropy(across.domains.float(), domain, reduction="none")
    return (each * chosen).sum() / chosen.sum().clamp_min(1)


def triplet(across: Across, bona_fide: Tensor, domain: Tensor, *, margin: float) -> Tensor:
    """SSDG's asymmetric triplets: all bona fide are one class, the attacks of each domain one of their own.

    The mean over all triplets (anchor, positive, negative) of the batch whose distances break the margin; 0
    where none does.

    >>> features = torch.tensor([[0.0], [1.0], [3.0]])
    >>> classes = torch.tensor([True, True, False]), torch.tensor([0, 1, 0])
    >>> triplet(Across(features), *classes, margin=2.5).item()  # 1 - 3 + 2.5 and 1 - 2 + 2.5
    1.0
    """
    features = across.feature.float()
    kind = torch.where(bona_fide.bool(), torch.zeros_like(domain), domain + 1)
    squared = (features[:, None] - features[None]).square().sum(dim=-1)
    distances = squared.clamp_min(1e-12).sqrt()  # the root's slope has no end at 0
    same = kind[:, None] == kind[None]
    other = ~torch.eye(len(kind), dtype=torch.bool, device=kind.device)
    valid = (same & other)[:, :, None] & ~same[:, None]  # anchor, positive, negative
    losses = F.relu(distances[:, :, None] - distances[:, None] + margin) * valid
    return losses.sum() / (losses > 0).sum().clamp_min(1)


def separate(across: Across, bona_fide: Tensor, domain: Tensor, *, tau: float) -> Tensor:
    """Supervised contrast (Khosla et al., NeurIPS 2020) of class and domain together, as in SA-FAS.

    A clip is drawn to those of its class and its domain, and away from all others; clips that are alone of
    their kind count as others only.
    """
    units = F.normalize(across.feature.float(), dim=1)
    kind = 2 * domain + bona_fide.long()
    other = ~torch.eye(len(kind), dtype=torch.bool, device=kind.device)
    positive = (kind[:, None] == kind[None]) & other
    similar = units @ units.T / tau
    likely = similar - torch.logsumexp(similar.masked_fill(~other, -torch.inf), dim=1, keepdim=True)
    counts = positive.sum(dim=1)
    each = -(likely * positive).sum(dim=1) / counts.clamp_min(1)
    return tau / BASE_TAU * (each * (counts > 0)).sum() / (counts > 0).sum().clamp_min(1)


def own_domain(across: Across, bona_fide: Tensor, domain: Tensor) -> Tensor:
    """Binary cross entropy of each clip by its own domain's classifier, each domain weighing the same."""
    assert across.heads is not None
    logits = across.heads.float().gather(1, domain[:, None])[:, 0]
    each = F.binary_cross_entropy_with_logits(logits, bona_fide.float(), reduction="none")
    here = F.one_hot(domain, across.heads.shape[1]).to(each.dtype)  # (B, K)
    counts = here.sum(dim=0)
    return ((each @ here) / counts.clamp_min(1)).sum() / (counts > 0).sum()


def assembled(across: Across, bona_fide: Tensor) -> Tensor:
    """SSAN's contrast: a feature in the style of another clip stays near its own where both are of one class.

    Minus the cosine of the feature, which is held, and its reassembled form; plus where the classes differ.
    """
    assert across.reassembled is not None
    assert across.partner is not None
    cosine = F.cosine_similarity(across.feature.detach().float(), across.reassembled.float(), dim=1)
    alike = bona_fide.bool() == bona_fide.bool()[across.partner]
    return torch.where(alike, -cosine, cosine).mean()
