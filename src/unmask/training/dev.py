"""Scoring a prepared set with a network in training."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unmask import metrics
from unmask.data.prepare.prepared import PreparedSet
from unmask.models import Output
from unmask.models.across import adversarial, assembled, own_domain, separate, triplet
from unmask.models.encoder import Encoder
from unmask.models.fghv.hypotheses import distribution, relative, variance
from unmask.models.losses import binary, binary_score, cdl, depth_target, edl, pixels
from unmask.models.output import Across, Draws
from unmask.training.augment import Batch
from unmask.training.batches import ahead, by_instrument, one_frame, to_batch
from unmask.training.checkpoint import Dev
from unmask.training.features import features_of
from unmask.training.networks import frames_of
from unmask.training.settings import Loss, Settings
from unmask.training.threshold import presentation_scores
from unmask.types import DataError, SettingsError


@dataclass(frozen=True, slots=True)
class DevScores:
    """Clip scores (n,) float64 in the order of the set's rows, and their mean loss."""

    scores: np.ndarray
    loss: float


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
        terms += _of_draws(output.draws, batch, settings=settings)
    if output.across is not None:
        terms += _of_domains(output.across, batch, settings=settings)
    elif settings.own_domain and output.logits is not None:  # dev has other domains, and none of its own
        terms.append(settings.own_domain * binary(output.logits.float(), batch.bona_fide))
    if not terms:
        raise SettingsError(
            f"[loss] has no term for what the network gives ({_given(output)}); set the weight of one above 0"
        )
    return torch.stack(terms).sum()


def _given(output: Output) -> str:
    return ", ".join(name for name, part in output._asdict().items() if part is not None)


def _of_draws(draws: Draws, batch: Batch, *, settings: Loss) -> Iterator[Tensor]:
    """FGHV's three constraints."""
    living = batch.bona_fide
    if settings.relative:
        near = relative(draws, living, form=settings.relative_form, margin=settings.relative_margin)
        yield settings.relative * near
    if settings.variance:
        yield settings.variance * variance(draws, living, of=settings.variance_of)
    if settings.distribution:
        yield settings.distribution * distribution(draws, margin=settings.distribution_margin)


def _of_domains(across: Across, batch: Batch, *, settings: Loss) -> Iterator[Tensor]:
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


def score_set(
    network: nn.Module, prepared: PreparedSet, *, frames: int, size: int, settings: Loss, device: torch.device
) -> DevScores:
    """Every clip of the set, unchanged, `size` at a time; `frames` 1 takes the first frame of each clip."""
    living, _ = by_instrument(prepared.rows, origin=str(prepared.root))
    bona_fide = np.isin(np.arange(len(prepared.rows)), living)
    parts = np.array_split(np.arange(len(prepared.rows)), -(-len(prepared.rows) // size))
    scores, losses = [], []
    if isinstance(network, Encoder):
        return _by_features(network, prepared, bona_fide=bona_fide, device=device)
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for part, arrays in ahead(lambda part: prepared.read(parts[part]), range(len(parts))):
            if frames == 1:
                arrays = one_frame(arrays, np.zeros(len(parts[part]), dtype=int))
            batch = to_batch(arrays, bona_fide[parts[part]], device=device)
            output = network(batch.clips, batch.mask[:, 0])
            losses.append(len(parts[part]) * float(loss_of(output, batch, settings=settings)))
            scores.append(output.score.double().cpu().numpy())
    network.train(was_training)
    return DevScores(np.concatenate(scores), sum(losses) / len(prepared.rows))


def _by_features(
    network: Encoder, prepared: PreparedSet, *, bona_fide: np.ndarray, device: torch.device
) -> DevScores:
    """By what was seen of each picture once; the loss is the head's: the map has no part in the score."""
    raw = features_of(network, prepared, device=device)
    with torch.inference_mode():
        scores = network.score_features(torch.from_numpy(raw).to(device)).cpu()
        loss = binary_score(scores, torch.from_numpy(bona_fide))
    return DevScores(scores.double().numpy(), float(loss))


def score_finished(network: nn.Module, prepared: PreparedSet, settings: Settings) -> DevScores:
    """Every clip by a network that is trained, on the CPU, as its settings evaluate."""
    return score_set(
        network,
        prepared,
        frames=frames_of(network, prepared.spec),
        size=settings.evaluation.batch,
        settings=settings.loss,
        device=torch.device("cpu"),
    )


def judge(prepared: PreparedSet, scored: DevScores, *, step: int, alone: bool) -> Dev:
    """The error rates of the set's presentations, at its own EER threshold."""
    living, attacks = presentation_scores(prepared.rows, scored.scores, alone=alone)
    pooled = np.concatenate(list(attacks.values()))
    eer = metrics.eer(living, pooled)
    return Dev(
        step=step,
        loss=scored.loss,
        auc=metrics.auc(living, pooled),
        eer=eer.rate,
        threshold=eer.threshold,
        acer=metrics.acer(living, attacks, threshold=eer.threshold),
        bpcer=metrics.bpcer(living, eer.threshold),
        apcer=metrics.apcer(attacks, eer.threshold),
    )


def refuse_shared_subjects(train: PreparedSet, dev: PreparedSet) -> None:
    """DataError when a person is in both sets: thresholds from people seen in training are too kind."""
    shared = {row.subject for row in train.rows} & {row.subject for row in dev.rows}
    if shared:
        raise DataError(
            f"{len(shared)} subjects are in {train.root} and in {dev.root}, {min(shared)!r} among them; part "
            "the sets by subject"
        )
