"""Scores of one kind in ascending order, so that many figures cost one sort.

Every figure takes plain arrays, or `Ranked` where the caller has sorted once for all of them.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.types import DataError


@dataclass(frozen=True, slots=True)
class Ranked:
    """`finite` (m,) float64 ascending; `count` n >= m, the non-responses among them."""

    finite: np.ndarray
    count: int

    @property
    def silent(self) -> int:
        """How many have no finite score."""
        return self.count - len(self.finite)

    def accepted(self, threshold: float | np.ndarray) -> np.ndarray:
        """How many scores are accepted at each threshold, as int64 of its shape."""
        return len(self.finite) - np.searchsorted(self.finite, threshold, side="left")

    def refused(self, threshold: float | np.ndarray) -> np.ndarray:
        """How many are not, non-responses among them."""
        return self.silent + np.searchsorted(self.finite, threshold, side="left")

    def below(self, score: float) -> float:
        """The highest score under `score`; -inf where there is none."""
        place = int(np.searchsorted(self.finite, score, side="left"))
        return float(self.finite[place - 1]) if place else -np.inf


Scores = np.ndarray | Ranked


def ranked(scores: Scores, name: str = "the") -> Ranked:
    """The scores (n,), n >= 1, in order; as they are when they have been ranked before.

    >>> ranked(np.array([0.5, np.nan, 0.1])).finite.tolist()
    [0.1, 0.5]
    """
    if isinstance(scores, Ranked):
        return scores
    scores = some(scores, name)
    finite = scores[np.isfinite(scores)]  # a copy, so that the caller's order stays
    finite.sort()
    return Ranked(finite, len(scores))


def two_classes(bona_fide: Scores, attacks: Scores) -> tuple[Ranked, Ranked]:
    """Both, ranked; DataError where one looks like the labels of the other, as other libraries want them."""
    for given, other in ((bona_fide, attacks), (attacks, bona_fide)):
        if _like_labels(given) and (
            _is_bool(given) or (not _like_labels(other) and _long(given) == _long(other))
        ):
            raise DataError(
                "this takes the scores of the bona fide and those of the attacks, not labels and scores; "
                "give scores[truth == 1] and scores[truth == 0]"
            )
    return ranked(bona_fide, "bona fide"), ranked(attacks, "attack")


def one_threshold(threshold: float) -> float:
    """The threshold; DataError where it is an array, as of scores."""
    if np.ndim(threshold):
        raise DataError(f"a threshold is one number, not an array of shape {np.shape(threshold)}")
    return threshold


def some(scores: np.ndarray, name: str) -> np.ndarray:
    """The scores (n,) as float64; DataError when there are none."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or not len(scores):
        raise DataError(
            f"{name} scores must be (n,) with n >= 1, not {scores.shape}; add presentations to the set"
        )
    return scores


def first_score(groups: Sequence[Ranked], holds: Callable[[float], bool]) -> float:
    """The lowest score of any group at which `holds`; inf where it holds at none.

    `holds` must not turn false again as scores rise, so that a search by halves finds the place.

    >>> first_score([ranked(np.array([0.1, 0.7])), ranked(np.array([0.4]))], lambda s: s > 0.2)
    0.4
    """
    found = np.inf
    for group in groups:
        place = bisect_left(range(len(group.finite)), True, key=lambda k: holds(float(group.finite[k])))
        if place < len(group.finite):
            found = min(found, float(group.finite[place]))
    return found


def below(groups: Sequence[Ranked], score: float) -> float:
    """The highest score of any group under `score`; -inf where there is none."""
    return max(group.below(score) for group in groups)


def threshold_up_to(groups: Sequence[Ranked], score: float) -> float:
    """The threshold that accepts `score` and refuses all below it: midway between the two neighbours.

    The lowest score of all is its own threshold; with inf it lies just above the highest.

    >>> threshold_up_to([ranked(np.array([0.25, 0.75]))], 0.75)
    0.5
    """
    low = below(groups, score)
    if np.isinf(score):
        return float(np.nextafter(low, np.inf))
    if np.isinf(low):
        return score
    midway = low + (score - low) / 2
    return midway if low < midway < np.inf else score  # neighbours in floating point have nothing between


def refuse_silence(groups: Sequence[Ranked]) -> None:
    """DataError when no score at all is finite."""
    if not any(len(group.finite) for group in groups):
        raise DataError("no score is finite, so there is no threshold; check that faces were found")


def _like_labels(scores: Scores) -> bool:
    return not isinstance(scores, Ranked) and bool(np.isin(np.asarray(scores, np.float64), (-1, 0, 1)).all())


def _is_bool(scores: Scores) -> bool:
    return np.asarray(scores).dtype == np.bool_


def _long(scores: Scores) -> int:
    return scores.count if isinstance(scores, Ranked) else len(np.atleast_1d(scores))
