"""Operating points carried from one precision to another, with the error rates measured there.

A threshold holds for the precision it was measured at. On clips scored at both, a point's threshold moves by
what the scores beside it moved, the median of the presentations nearest to it: the threshold that changes the
fewest decisions would follow the chance of single ones. Rates are those of the new scores there, and the
margin grows by what a single clip's score moved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask import metrics
from unmask.contract import Contract, OperatingPoint
from unmask.data.prepare.shards import Row
from unmask.training.threshold import LEAST, presentation_scores

NEAREST = 50  # presentations whose scores say how far a threshold moves


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
    old_bona_fide, old_attacks = _calibrated(rows, before, calibrated, alone=alone)
    bona_fide, attacks = _calibrated(rows, after, calibrated, alone=alone)
    old, new = (
        np.concatenate([one, *many.values()])
        for one, many in ((old_bona_fide, old_attacks), (bona_fide, attacks))
    )
    clips = np.array([[calibrated(float(score)) for score in each] for each in (before, after)])
    moved = float(np.sqrt(np.mean((clips[1] - clips[0]) ** 2)))
    points, flipped = [], 0
    for point in contract.operating_points:
        if point.precision != "f32":
            continue
        threshold = carried(old, new, threshold=point.threshold)
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
                bpcer=metrics.bpcer(bona_fide, threshold),
                attacks=len(new) - len(bona_fide),
                bona_fide=len(bona_fide),
                measured_on=measured_on,
            )
        )
    return Comparison(
        points=tuple(points),
        presentations=len(new),
        flipped=flipped,
        auc_before=metrics.auc(old_bona_fide, np.concatenate(list(old_attacks.values()))),
        auc=metrics.auc(bona_fide, np.concatenate(list(attacks.values()))),
        moved=moved,
    )


def carried(before: np.ndarray, after: np.ndarray, *, threshold: float) -> float:
    """The threshold moved by the median of what the NEAREST scores (n,) beside it moved, kept in (0, 1].

    >>> round(carried(np.array([0.1, 0.45, 0.5, 0.9]), np.array([0.1, 0.42, 0.47, 0.9]), threshold=0.5), 3)
    0.485
    """
    beside = np.argsort(np.abs(before - threshold), kind="stable")[:NEAREST]
    return float(np.clip(threshold + np.median((after - before)[beside]), LEAST, 1.0))


def _calibrated(
    rows: Sequence[Row], scores: np.ndarray, calibrated: Callable[[float], float], *, alone: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    bona_fide, attacks = presentation_scores(rows, scores, alone=alone)

    def through(raw: np.ndarray) -> np.ndarray:
        return np.array([calibrated(float(score)) for score in raw])

    return through(bona_fide), {name: through(raw) for name, raw in attacks.items()}
