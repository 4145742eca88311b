"""Scoring a prepared set with a network in training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from unmask import metrics
from unmask.data.prepare.prepared import PreparedSet
from unmask.models.encoder import Encoder
from unmask.models.losses import binary_score
from unmask.models.network import TrainableNetwork
from unmask.training.batches import one_frame, prefetch, to_batch
from unmask.training.checkpoint import Dev
from unmask.training.features import features_of
from unmask.training.networks import frames_of
from unmask.training.objective import loss_of
from unmask.training.sampling import by_instrument
from unmask.training.settings import Loss, Settings
from unmask.training.threshold import presentation_scores
from unmask.types import DataError


@dataclass(frozen=True, slots=True)
class DevScores:
    """Clip scores (n,) float64 in the order of the set's rows, and their mean loss."""

    scores: np.ndarray
    loss: float


def score_set(
    network: TrainableNetwork,
    prepared: PreparedSet,
    *,
    frames: int,
    size: int,
    settings: Loss,
    device: torch.device,
    scored: Callable[[int], None] | None = None,
) -> DevScores:
    """Every clip of the set, unchanged, `size` at a time; `frames` 1 takes the first frame of each clip.

    `scored` is told how many more clips have been scored.
    """
    bona_fide_rows, _ = by_instrument(prepared.rows, origin=str(prepared.root))
    bona_fide = np.isin(np.arange(len(prepared.rows)), bona_fide_rows)
    parts = np.array_split(np.arange(len(prepared.rows)), -(-len(prepared.rows) // size))
    scores, losses = [], []
    if isinstance(network, Encoder):
        found = _by_features(network, prepared, bona_fide=bona_fide, device=device)
        if scored is not None:
            scored(len(prepared.rows))
        return found
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for part, arrays in prefetch(lambda part: prepared.read(parts[part]), range(len(parts))):
            if frames == 1:
                arrays = one_frame(arrays, np.zeros(len(parts[part]), dtype=int))
            batch = to_batch(arrays, bona_fide[parts[part]], device=device)
            output = network(batch.clips, batch.mask[:, 0])
            losses.append(len(parts[part]) * float(loss_of(output, batch, settings=settings)))
            scores.append(output.score.double().cpu().numpy())
            if scored is not None:
                scored(len(parts[part]))
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


def score_finished(
    network: TrainableNetwork,
    prepared: PreparedSet,
    settings: Settings,
    *,
    scored: Callable[[int], None] | None = None,
) -> DevScores:
    """Every clip by a network that is trained, on the CPU, as its settings evaluate."""
    return score_set(
        network,
        prepared,
        frames=frames_of(network, prepared.spec),
        size=settings.evaluation.batch,
        settings=settings.loss,
        device=torch.device("cpu"),
        scored=scored,
    )


def judge(prepared: PreparedSet, scored: DevScores, *, step: int, alone: bool) -> Dev:
    """The error rates of the set's presentations, at its own EER threshold."""
    bona_fide, attacks = presentation_scores(prepared.rows, scored.scores, alone=alone)
    pooled = np.concatenate(list(attacks.values()))
    eer = metrics.eer(bona_fide, pooled)
    return Dev(
        step=step,
        loss=scored.loss,
        auc=metrics.auc(bona_fide, pooled),
        eer=eer.rate,
        threshold=eer.threshold,
        acer=metrics.acer(bona_fide, attacks, threshold=eer.threshold),
        bpcer=metrics.bpcer(bona_fide, eer.threshold),
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
