"""Scores -> the share of bona fide presentations among those with such a score, and how well that fits.

`scores` (n,) are finite, `truths` (n,) bool, True for bona fide. A map is given as knots, raw and calibrated,
between which it is straight; it rises strictly from raw 0 to raw 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from unmask.metrics.intervals import rate
from unmask.types import DataError

Knots = tuple[np.ndarray, np.ndarray]
KEPT = 0.01  # of the raw score stays in a map: so it rises where the data would leave it level
PLATT_KNOTS = 201  # the curve is within 1e-4 of its knots' straight lines unless it is steeper than any step


def isotonic(scores: np.ndarray, truths: np.ndarray) -> Knots:
    """Isotonic regression, its steps joined at their middles (Oron and Flournoy 2017).

    >>> raw, calibrated = isotonic(np.array([0.2, 0.4, 0.6]), np.array([False, True, True]))
    >>> raw.tolist(), calibrated.round(3).tolist()
    ([0.0, 0.2, 0.5, 1.0], [0.0, 0.002, 0.995, 1.0])
    """
    _need_both(truths)
    values, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    shares = np.bincount(place, truths) / counts
    found = isotonic_regression(shares, weights=counts)
    steps = found.blocks
    heights = found.x[steps[:-1]]
    if len(heights) < 2:
        raise DataError(_NOT_RISING)
    totals = np.add.reduceat(counts, steps[:-1])
    middles = np.add.reduceat(values * counts, steps[:-1]) / totals
    inner = (middles > 0) & (middles < 1)
    raw = np.concatenate([[0.0], middles[inner], [1.0]])
    return raw, _rising(raw, np.interp(raw, middles, heights))


def platt(scores: np.ndarray, truths: np.ndarray) -> Knots:
    """A logistic curve by maximum likelihood, with Platt's (1999) targets, which keep it off 0 and 1."""
    slope, offset = platt_curve(scores, truths)
    if slope <= 0:
        raise DataError(_NOT_RISING)
    raw = np.linspace(0, 1, PLATT_KNOTS)
    return raw, _rising(raw, expit(slope * raw + offset))


def platt_curve(scores: np.ndarray, truths: np.ndarray) -> tuple[float, float]:
    """(slope, offset) of the logistic curve of `platt`."""
    _need_both(truths)
    bona_fide, attacks = int(truths.sum()), int((~truths).sum())
    targets = np.where(truths, (bona_fide + 1) / (bona_fide + 2), 1 / (attacks + 2))
    middle, spread = float(scores.mean()), max(float(scores.std()), 1e-9)
    units = (scores - middle) / spread

    def loss(curve: np.ndarray) -> tuple[float, np.ndarray]:
        logits = curve[0] * units + curve[1]
        error = expit(logits) - targets
        return float((np.logaddexp(0, logits) - targets * logits).sum()), np.array(
            [(error * units).sum(), error.sum()]
        )

    slope, offset = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    return float(slope / spread), float(offset - slope * middle / spread)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], Knots]] = {"isotonic": isotonic, "platt": platt}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Presentations of about one score: their mean `score`, `share` of them bona fide, its 95 % interval."""

    score: float
    share: float
    low: float
    high: float
    count: int


def reliability(scores: np.ndarray, truths: np.ndarray, *, bins: int = 5) -> list[Bin]:
    """Bins of as many presentations each, as nearly as can be, in order of the score; fewer where n is small.

    >>> [bin.share for bin in reliability(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1]) > 0, bins=2)]
    [0.0, 1.0]
    """
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, max(1, min(bins, len(order)))) if len(part)]
    found = []
    for part in parts:
        alive = rate(int(truths[part].sum()), len(part))
        found.append(
            Bin(
                score=float(scores[part].mean()),
                share=alive.value,
                low=alive.low,
                high=alive.high,
                count=alive.count,
            )
        )
    return found


def brier(scores: np.ndarray, truths: np.ndarray) -> float:
    """Mean squared difference between score and truth: 0 at best, 0.25 for a coin that says 0.5.

    >>> brier(np.array([0.5, 1.0]), np.array([True, True]))
    0.125
    """
    return float(np.mean(np.square(scores - truths)))


def held_out(
    scores: np.ndarray, truths: np.ndarray, groups: np.ndarray, *, method: str, seed: int, folds: int = 5
) -> np.ndarray:
    """What the method says of each score (n,) when it was fitted without that score's group (n,) (a subject).

    NaN where the rest could not be fitted, as when it holds one class.
    """
    rng = np.random.default_rng(seed)
    names = np.unique(groups)
    fold_of = dict(
        zip(names[rng.permutation(len(names))].tolist(), np.arange(len(names)) % folds, strict=True)
    )
    fold = np.array([fold_of[group] for group in groups.tolist()])
    said = np.full(len(scores), np.nan)
    for number in range(folds):
        inside, outside = fold == number, fold != number
        try:
            said[inside] = np.interp(scores[inside], *METHODS[method](scores[outside], truths[outside]))
        except DataError:  # one class, or one that does not rise: it stays NaN
            continue
    return said


_NOT_RISING = (
    "the scores of these bona fide captures are not higher than those of the attacks, so no rising map fits "
    "them; look at the labels, or at whether this model works with this camera at all"
)


def _rising(raw: np.ndarray, calibrated: np.ndarray) -> np.ndarray:
    return KEPT * raw + (1 - KEPT) * calibrated


def _need_both(truths: np.ndarray) -> None:
    if truths.all() or not truths.any():
        kind = "bona fide" if len(truths) and truths.all() else "attack"
        raise DataError(
            f"a calibration needs scored captures of both classes, and all {len(truths)} are {kind}; capture "
            "the other class too"
        )
