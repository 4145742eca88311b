"""Operating points carried from one precision to another, with the error rates measured there.

A threshold holds for the precision it was measured at. On clips scored at both, a point's new threshold is
the one at which the fewest presentations are decided otherwise than before, the old one where that is among
them; rates are those of the new scores, and the margin grows by what a single clip's score moved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask import metrics
from unmask.contract import Contract, OperatingPoint
from unmask.data.prepare.shards import Row
from unmask.training.threshold import LEAST, presentation_scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Scores in f32 and at another precision of the same presentations.

    `flipped` of `presentations` are decided otherwise at the point `default`, each by its own threshold;
    `auc_before` and `auc` in [0, 1]; `moved` is the root mean square of what clip scores moved, in units of
    the calibrated score.
    """

    points: tuple[OperatingPoint, ...]
    presentations: int
    flipped: int
    auc_before: float
    auc: float
    moved: float


def matched(
    contract: Contract,
    rows: Sequence[Row],
    before: np.ndarray,
    after: np.ndarray,
    *,
    precision: str,
    measured_on: str,
) -> Comparison:
    """The contract's f32 points at `precision`; clip scores (rows,) are `before` in f32 and `after` there."""
    calibrated = contract.score_map or float
    alone = contract.clip.frames == 1
    old_living, old_attacks = _calibrated(rows, before, calibrated, alone=alone)
    living, attacks = _calibrated(rows, after, calibrated, alone=alone)
    old, new = (
        np.concatenate([one, *many.values()]) for one, many in ((old_living, old_attacks), (living, attacks))
    )
    clips = np.array([[calibrated(float(score)) for score in each] for each in (before, after)])
    moved = float(np.sqrt(np.mean((clips[1] - clips[0]) ** 2)))
    points, flipped = [], 0
    for point in contract.operating_points:
        if point.precision != "f32":
            continue
        threshold = nearest_threshold(new, old >= point.threshold, near=point.threshold)
        if point.name == "default":
            flipped = int(np.sum((new >= threshold) != (old >= point.threshold)))
        accepted = metrics.apcer(attacks, threshold)
        worst = max(accepted, key=lambda instrument: accepted[instrument])
        points.append(
            replace(
                point,
                threshold=threshold,
                margin=min(point.margin + moved, 1.0),
                precision=precision,
                apcer=accepted[worst],
                worst_instrument=worst,
                bpcer=metrics.bpcer(living, threshold),
                attacks=len(new) - len(living),
                bona_fide=len(living),
                measured_on=measured_on,
            )
        )
    return Comparison(
        points=tuple(points),
        presentations=len(new),
        flipped=flipped,
        auc_before=metrics.auc(old_living, np.concatenate(list(old_attacks.values()))),
        auc=metrics.auc(living, np.concatenate(list(attacks.values()))),
        moved=moved,
    )


def nearest_threshold(scores: np.ndarray, accepted: np.ndarray, *, near: float) -> float:
    """The threshold at which score >= threshold agrees most often with `accepted` (n,), nearest to `near`.

    >>> nearest_threshold(np.array([0.1, 0.42, 0.7]), np.array([False, True, True]), near=0.5)
    0.42
    """
    choices = np.concatenate([[near], scores[(scores >= LEAST) & (scores <= 1)]])
    # Just above a score that should be refused is as good a place as at the next one that is accepted.
    choices = np.concatenate([choices, np.nextafter(choices[1:], 1)])
    ranked = np.sort(scores[accepted]), np.sort(scores[~accepted])
    lost = np.searchsorted(ranked[0], choices, side="left")  # accepted before, now below
    gained = len(ranked[1]) - np.searchsorted(ranked[1], choices, side="left")
    wrong = lost + gained
    best = choices[wrong == wrong.min()]
    return float(best[np.argmin(np.abs(best - near))])


def _calibrated(
    rows: Sequence[Row], scores: np.ndarray, calibrated: Callable[[float], float], *, alone: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    living, attacks = presentation_scores(rows, scores, alone=alone)

    def through(raw: np.ndarray) -> np.ndarray:
        return np.array([calibrated(float(score)) for score in raw])

    return through(living), {name: through(raw) for name, raw in attacks.items()}
