"""The training loss: the weighted sum of the terms that the settings ask for and the network can answer."""

from collections.abc import Iterator

import torch
from torch import Tensor

from unmask.models.across import adversarial, assembled, own_domain, separate, triplet
from unmask.models.fghv.hypotheses import distribution, relative, variance
from unmask.models.losses import binary, binary_score, cdl, depth_target, edl, pixels
from unmask.models.output import Across, Draws, Output
from unmask.training.augment import Batch
from unmask.training.settings import Loss
from unmask.types import SettingsError


def loss_of(output: Output, batch: Batch, *, settings: Loss) -> Tensor:
    """The weighted sum of the terms; a map of an attack is pulled to zeros, or to its true depth.

    A multi-frame network has a map for each frame but the last, so the last label is unused. Terms of what
    the network does not give are left out; SettingsError when none is left.
    """
    terms: list[Tensor] = []
    if output.depth is not None and (settings.absolute or settings.contrast):
        target = batch.depth[:, : output.depth.shape[1]]
        if settings.attack_depth == "zeros":
            target = depth_target(target, batch.bona_fide)
        depth = output.depth.float()
        terms.append(settings.absolute * edl(depth, target))
        if settings.contrast:
            terms.append(settings.contrast * cdl(depth, target, valid=settings.contrast_padding == "none"))
    if settings.binary and output.logits is not None:
        logits, double = output.logits.float(), settings.double_softmax
        terms.append(settings.binary * binary(logits, batch.bona_fide, double_softmax=double))
    elif settings.binary:
        terms.append(settings.binary * binary_score(output.score.float(), batch.bona_fide))
    if settings.pixels and output.pixels is not None:
        terms.append(settings.pixels * pixels(output.pixels.float(), batch.bona_fide))
    if output.draws is not None:
        terms += _hypothesis_terms(output.draws, batch, settings=settings)
    if output.across is not None:
        terms += _domain_terms(output.across, batch, settings=settings)
    elif settings.own_domain and output.logits is not None:  # dev has other domains, and none of its own
        terms.append(settings.own_domain * binary(output.logits.float(), batch.bona_fide))
    if not terms:
        raise SettingsError(
            f"[loss] has no term for what the network gives ({_answers(output)}); set the weight of one "
            "above 0"
        )
    return torch.stack(terms).sum()


def _answers(output: Output) -> str:
    return ", ".join(name for name, part in output._asdict().items() if part is not None)


def _hypothesis_terms(draws: Draws, batch: Batch, *, settings: Loss) -> Iterator[Tensor]:
    """FGHV's three constraints."""
    bona_fide = batch.bona_fide
    if settings.relative:
        near = relative(draws, bona_fide, form=settings.relative_form, margin=settings.relative_margin)
        yield settings.relative * near
    if settings.variance:
        yield settings.variance * variance(draws, bona_fide, of=settings.variance_of)
    if settings.distribution:
        yield settings.distribution * distribution(draws, margin=settings.distribution_margin)


def _domain_terms(across: Across, batch: Batch, *, settings: Loss) -> Iterator[Tensor]:
    """What methods across domains ask for; terms of what the network does not give are left out."""
    if batch.domain is None:
        raise SettingsError("losses across domains need the domain of each clip, which only training knows")
    who = batch.bona_fide, batch.domain
    if settings.triplet:
        yield settings.triplet * triplet(across, *who, margin=settings.triplet_margin)
    if settings.adversarial and across.domains is not None:
        yield settings.adversarial * adversarial(across, *who, of=settings.adversarial_of)
    if settings.separate:
        yield settings.separate * separate(across, *who, tau=settings.separate_tau)
    if settings.assembly and across.reassembled is not None:
        yield settings.assembly * assembled(across, batch.bona_fide)
    if settings.own_domain and across.heads is not None:
        yield settings.own_domain * own_domain(across, *who)
