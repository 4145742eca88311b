"""Figures of the whole curve: AUC, which needs no threshold, and those whose threshold is chosen on the
scores themselves (TPR at an FPR, BPCER at an APCER, minimum ACER; as EER's is). On test these are oracle
figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unmask.metrics.ranked import (
    Ranked,
    Scores,
    first_score,
    ranked,
    refuse_silence,
    threshold_up_to,
    two_classes,
)
from unmask.metrics.rates import bpcer
from unmask.metrics.thresholds import threshold_at_apcer
from unmask.types import DataError

DIGITS = 12  # of a rate: keeps 1 - 2/3 and 1/3 a tie
BLOCK = 1024  # scores of attacks that one bound speaks for in the search for the minimum ACER


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """The best `rate` that any threshold gives on these scores, and that threshold: no user will see it."""

    rate: float
    threshold: float


def auc(bona_fide: Scores, attacks: Scores) -> float:
    """Chance that a bona fide score is above an attack's, a tie counting half; over finite scores only.

    >>> auc(np.array([0.9, 0.5, np.nan]), np.array([0.5, 0.1]))
    0.875
    """
    ours, theirs = (one.finite for one in two_classes(bona_fide, attacks))
    if not len(ours) or not len(theirs):
        raise DataError("AUC needs a finite score of each class; check that faces were found in both")
    pairs = int(np.searchsorted(theirs, ours, side="left").sum())
    pairs += int(np.searchsorted(theirs, ours, side="right").sum())
    return pairs / (2 * len(ours) * len(theirs))


def tpr_at_fpr(bona_fide: Scores, attacks: Scores, *, fpr: float) -> float:
    """Share of bona fide presentations accepted where at most `fpr` of the attacks are, all pooled (n,).

    >>> tpr_at_fpr(np.array([0.9, 0.2]), np.array([0.1, 0.3, 0.7]), fpr=0.34)
    0.5
    """
    ranked_bona_fide, against = two_classes(bona_fide, attacks)
    threshold = threshold_at_apcer(ranked_bona_fide, {"attack": against}, target=fpr)
    return float(ranked_bona_fide.accepted(threshold)) / ranked_bona_fide.count


def bpcer_at_apcer(bona_fide: Scores, attacks: Mapping[str, Scores], *, apcer: float) -> float:
    """BPCER at the lowest threshold whose worst-instrument APCER is at most `apcer`; BPCER20 is that of 0.05.

    >>> bpcer_at_apcer(np.array([0.9, 0.2]), {"print": np.array([0.1]), "mask": np.array([0.7])}, apcer=0.5)
    0.5
    """
    ranked_bona_fide = ranked(bona_fide, "bona fide")
    return bpcer(ranked_bona_fide, threshold_at_apcer(ranked_bona_fide, attacks, target=apcer))


def minimum_acer(bona_fide: Scores, attacks: Mapping[str, Scores]) -> Oracle:
    """The smallest ACER that any threshold gives, by the worst instrument; of equals the highest threshold.

    >>> minimum_acer(np.array([0.8, 0.6]), {"print": np.array([0.1, 0.4]), "mask": np.array([0.7])})
    Oracle(rate=0.25, threshold=0.75)
    """
    if not attacks:
        raise DataError("there are no attack scores: ACER needs at least one instrument, so add attacks")
    ranked_bona_fide = ranked(bona_fide, "bona fide")
    instruments = [ranked(scores, name) for name, scores in attacks.items()]
    refuse_silence([ranked_bona_fide, *instruments])
    # Raising a threshold lowers ACER only where it passes an attack: just above each of their scores, or
    # under them all.
    cuts = np.unique(np.concatenate([[-np.inf], *(instrument.finite for instrument in instruments)]))
    cuts = _promising(cuts, ranked_bona_fide, instruments)
    rates = np.round(_bpcer_above(cuts, ranked_bona_fide) + _apcer_above(cuts, instruments), DIGITS)
    best = len(rates) - 1 - int(np.argmin(rates[::-1]))
    groups = [ranked_bona_fide, *instruments]
    above = first_score(groups, lambda score: score > cuts[best])
    return Oracle(rate=float(rates[best] / 2), threshold=threshold_up_to(groups, above))


def _promising(cuts: np.ndarray, bona_fide: Ranked, instruments: list[Ranked]) -> np.ndarray:
    """The cuts that may hold the minimum.

    BPCER at the start of a block plus APCER at its end is a lower bound; blocks whose bound is above the
    best that was seen at any edge are left out, so that most scores are never looked at.
    """
    edges = np.append(np.arange(0, len(cuts) - 1, BLOCK), len(cuts) - 1)
    refused, passed = _bpcer_above(cuts[edges], bona_fide), _apcer_above(cuts[edges], instruments)
    best = (refused + passed).min()
    slack = 10.0**-DIGITS
    keep = np.zeros(len(cuts), dtype=bool)
    keep[edges] = refused + passed <= best + slack
    for block in np.flatnonzero(refused[:-1] + passed[1:] <= best + slack):
        keep[edges[block] : edges[block + 1] + 1] = True
    return cuts[keep]


def _bpcer_above(cuts: np.ndarray, bona_fide: Ranked) -> np.ndarray:
    """BPCER of the threshold just above each cut (m,)."""
    return (bona_fide.silent + np.searchsorted(bona_fide.finite, cuts, side="right")) / bona_fide.count


def _apcer_above(cuts: np.ndarray, instruments: list[Ranked]) -> np.ndarray:
    """The worst instrument's APCER of the threshold just above each cut (m,)."""
    worst = np.zeros(len(cuts))
    for one in instruments:
        passed = len(one.finite) - np.searchsorted(one.finite, cuts, side="right")
        np.maximum(worst, passed / one.count, out=worst)
    return worst
