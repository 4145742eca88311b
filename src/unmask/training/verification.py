"""What FGHV's two modules say of a prepared set: FHVM's score and variance, GHVM's delta-KL, and their sum.

This runs in torch alone: the exported file holds FHVM, and GHVM needs gradients.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from unmask import metrics
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Row
from unmask.models.fghv.gaussian import Search, shift
from unmask.models.fghv.network import Fghv, correlations, likelihood
from unmask.models.network import TrainableNetwork
from unmask.training.batches import one_frame, prefetch, to_batch
from unmask.types import DataError, Label, ModelError, Score

GRID = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # weights that are tried for variance and delta-KL
STANDARD_CLIPS = 500  # of the training set: mean and deviation need no more
COLUMNS = ("fhvm", "variance", "delta_kl")


@dataclass(frozen=True, slots=True)
class HypothesisEvidence:
    """What the modules say of n faces or presentations, each (n,) float64.

    `fhvm` in [0, 1], higher is more bona fide; `variance` of the correlations with real features over the
    latent vectors, and `delta_kl`, both lower for what the networks expect of a real face. `feature` (n, D).
    """

    fhvm: np.ndarray
    variance: np.ndarray
    delta_kl: np.ndarray
    feature: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Standards:
    """Mean and deviation of variance and delta-KL over bona fide presentations of the training set."""

    variance_mean: float
    variance_deviation: float
    delta_kl_mean: float
    delta_kl_deviation: float


def verify(
    network: TrainableNetwork,
    prepared: PreparedSet,
    *,
    numbers: np.ndarray | None = None,
    search: Search | None = None,
    size: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> HypothesisEvidence:
    """The first frame of the clips with these `numbers`, of all in the order of their rows if not given.

    `size` are looked at together.
    """
    if not isinstance(network, Fghv) or network.head is not None:
        raise ModelError("only an FGHV with generation networks verifies hypotheses; give weights of one")
    network.eval()
    numbers = np.arange(len(prepared.rows)) if numbers is None else numbers
    parts = np.array_split(numbers, -(-len(numbers) // size))
    found: list[tuple[np.ndarray, ...]] = []
    for part, arrays in prefetch(lambda part: prepared.read(parts[part]), range(len(parts))):
        frames = one_frame(arrays, np.zeros(len(parts[part]), dtype=int))
        batch = to_batch(frames, np.zeros(len(parts[part]), dtype=bool), device=network.latents.device)
        found.append(_of_faces(network, batch.clips, search=search))
        if progress is not None:
            progress(part + 1, len(parts))
    return HypothesisEvidence(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _of_faces(network: Fghv, clips: torch.Tensor, *, search: Search | None) -> tuple[np.ndarray, ...]:
    with torch.no_grad():
        draws = network(clips).draws
    real, attack = (correlation[:, 0] for correlation in correlations(draws))  # (B, K)
    fhvm = likelihood(real, attack, tau=draws.tau).mean(dim=1)
    feature = draws.feature[:, 0]
    delta_kl = shift(network, feature, search=search)
    columns = (fhvm, real.var(dim=1, correction=0), delta_kl, feature)
    return tuple(column.double().cpu().numpy() for column in columns)


def standards_of(
    network: TrainableNetwork,
    prepared: PreparedSet,
    *,
    search: Search | None = None,
    most: int = STANDARD_CLIPS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Standards, HypothesisEvidence]:
    """Standards of a training set, and what they come from: `most` of its bona fide clips, spread evenly."""
    bona_fide = np.flatnonzero([row.label is Label.BONA_FIDE for row in prepared.rows])
    chosen = bona_fide[
        np.unique(np.linspace(0, len(bona_fide) - 1, min(most, len(bona_fide))).round().astype(int))
    ]
    evidence = verify(network, prepared, numbers=chosen, search=search, progress=progress)
    rows, evidence = by_presentation([prepared.rows[number] for number in chosen], evidence)
    return standards(rows, evidence), evidence


def by_presentation(
    rows: Sequence[Row], evidence: HypothesisEvidence
) -> tuple[list[Row], HypothesisEvidence]:
    """The first row of each presentation, and the means over its clips."""
    names, first, place = np.unique([row.name for row in rows], return_index=True, return_inverse=True)
    counts = np.bincount(place, minlength=len(names))

    def mean(column: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(names), *column.shape[1:]))
        np.add.at(sums, place, column)
        return sums / counts.reshape(-1, *[1] * (column.ndim - 1))

    columns = (evidence.fhvm, evidence.variance, evidence.delta_kl, evidence.feature)
    return [rows[number] for number in first], HypothesisEvidence(*map(mean, columns))


def standards(rows: Sequence[Row], evidence: HypothesisEvidence) -> Standards:
    """The standards of the bona fide presentations among these, which are to come from training."""
    bona_fide = np.array([row.label is Label.BONA_FIDE for row in rows])
    if bona_fide.sum() < 2:
        raise DataError(
            f"standards take 2 bona fide presentations or more, not {bona_fide.sum()}; name the training set"
        )
    variance, delta_kl = evidence.variance[bona_fide], evidence.delta_kl[bona_fide]
    return Standards(
        variance_mean=float(variance.mean()),
        variance_deviation=float(variance.std()),
        delta_kl_mean=float(delta_kl.mean()),
        delta_kl_deviation=float(delta_kl.std()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights of the final score: `fhvm` s - `variance` v~ - `delta_kl` KL~; the first is 0 or 1."""

    fhvm: float = 1.0
    variance: float = 0.5  # 0.5 and 0.5 are inferred: docs/fghv.md
    delta_kl: float = 0.5


PARTS = {  # each part of the score alone, by its name
    "FHVM": Weights(fhvm=1.0, variance=0.0, delta_kl=0.0),
    "variance": Weights(fhvm=0.0, variance=1.0, delta_kl=0.0),
    "delta-KL": Weights(fhvm=0.0, variance=0.0, delta_kl=1.0),
}


def combined(evidence: HypothesisEvidence, by: Standards, *, weights: Weights | None = None) -> np.ndarray:
    """s - a v~ - b KL~ (n,), higher is more bona fide; unbounded, so thresholds come from dev."""
    weights = weights or Weights()
    variance = _standard(evidence.variance, by.variance_mean, by.variance_deviation)
    delta_kl = _standard(evidence.delta_kl, by.delta_kl_mean, by.delta_kl_deviation)
    return weights.fhvm * evidence.fhvm - weights.variance * variance - weights.delta_kl * delta_kl


def fitted(rows: Sequence[Row], evidence: HypothesisEvidence, by: Standards) -> Weights:
    """The weights with the highest AUC on these presentations, which are to be dev's.

    Each part alone is among those that are tried, first: a combination is taken only where it is better than
    all of its parts.
    """
    mixed = (Weights(variance=a, delta_kl=b) for a in GRID for b in GRID if a or b)
    tried = [*PARTS.values(), *mixed]
    values = [auc_of(rows, evidence, by, weights) for weights in tried]
    return tried[int(np.argmax(values))]


def auc_of(rows: Sequence[Row], evidence: HypothesisEvidence, by: Standards, weights: Weights) -> float:
    """AUC of the score with these weights."""
    scores = combined(evidence, by, weights=weights)
    bona_fide = np.array([row.label is Label.BONA_FIDE for row in rows])
    return metrics.auc(scores[bona_fide], scores[~bona_fide])


def table(rows: Sequence[Row], evidence: HypothesisEvidence, scores: np.ndarray) -> list[Score]:
    """A score table's rows, with COLUMNS behind the score."""
    columns = np.stack([getattr(evidence, name) for name in COLUMNS], axis=1)
    return [
        Score(
            presentation=row.presentation,
            score=float(score),
            columns={name: repr(float(cell)) for name, cell in zip(COLUMNS, cells, strict=True)},
        )
        for row, score, cells in zip(rows, scores, columns, strict=True)
    ]


def _standard(column: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """0 where training had no spread: such a column says nothing (delta-KL after 0 steps)."""
    return (column - mean) / deviation if deviation > 0 else np.zeros_like(column)
