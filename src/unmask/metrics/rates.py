"""Rates at a threshold that came from elsewhere, in the words of ISO/IEC 30107-3."""

from collections.abc import Mapping

import numpy as np

from unmask.metrics.ranked import Ranked, Scores, one_threshold, some, two_classes
from unmask.types import DataError, family_of


def accepted(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Which of the scores (n,) are accepted, as bool (n,).

    >>> accepted(np.array([0.5, 0.4, np.nan, np.inf]), 0.5).tolist()
    [True, False, False, False]
    """
    scores = np.asarray(scores, dtype=np.float64)
    return np.isfinite(scores) & (scores >= one_threshold(threshold))


def apcer(attacks: Mapping[str, Scores], threshold: float) -> dict[str, float]:
    """Share of attack presentations accepted, one rate for each instrument.

    `attacks`: instrument -> scores (n,). Report `max(apcer(...).values())`: the standard takes the worst
    instrument, not the mean. `apcer(families(attacks), ...)` gives the rate of each family.

    >>> apcer({"print": np.array([0.1, np.nan]), "mask": np.array([0.4, 0.9])}, threshold=0.5)
    {'print': 0.0, 'mask': 0.5}
    """
    _need_instruments(attacks)
    return {name: _accepted_share(scores, threshold, name) for name, scores in attacks.items()}


def families(attacks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The scores by family, the part of an instrument's name before "/".

    >>> families({"print/a4": np.zeros(2), "print/a3": np.ones(1)})
    {'print': array([0., 0., 1.])}
    """
    parts: dict[str, list[np.ndarray]] = {}
    for name, scores in attacks.items():
        parts.setdefault(family_of(name), []).append(np.asarray(scores, dtype=np.float64))
    return {family: np.concatenate(found) for family, found in parts.items()}


def bpcer(bona_fide: Scores, threshold: float) -> float:
    """Share of bona fide presentations (n,) not accepted, non-responses among them.

    >>> bpcer(np.array([0.9, 0.2, np.nan, 0.5]), threshold=0.5)
    0.5
    """
    if isinstance(bona_fide, Ranked):
        return float(bona_fide.refused(one_threshold(threshold))) / bona_fide.count
    return float((~accepted(some(bona_fide, "bona fide"), threshold)).mean())


def acer(bona_fide: Scores, attacks: Mapping[str, Scores], *, threshold: float) -> float:
    """Mean of BPCER and the worst instrument's APCER: the academic summary, not part of the standard.

    >>> acer(np.array([0.9, 0.2]), {"print": np.array([0.1]), "mask": np.array([0.4, 0.9])}, threshold=0.5)
    0.5
    """
    return (max(apcer(attacks, threshold).values()) + bpcer(bona_fide, threshold)) / 2


def hter(bona_fide: Scores, attacks: Scores, *, threshold: float) -> float:
    """Mean of FRR and FAR, all attacks pooled (n,), at a threshold that came from elsewhere.

    >>> hter(np.array([0.9, 0.2]), np.array([0.1, 0.2, 0.3, 0.9]), threshold=0.5)
    0.375
    """
    ranked_bona_fide, against = two_classes(bona_fide, attacks)
    return (bpcer(ranked_bona_fide, threshold) + _accepted_share(against, threshold, "attack")) / 2


def apnrr(attacks: Mapping[str, Scores]) -> dict[str, float]:
    """Share of attack presentations without a response (no finite score), one rate for each instrument.

    >>> apnrr({"print": np.array([0.1, np.nan]), "mask": np.array([0.4])})
    {'print': 0.5, 'mask': 0.0}
    """
    _need_instruments(attacks)
    return {name: _silent_share(scores, name) for name, scores in attacks.items()}


def bpnrr(bona_fide: Scores) -> float:
    """Share of bona fide presentations (n,) without a response.

    >>> bpnrr(np.array([0.9, np.nan]))
    0.5
    """
    return _silent_share(bona_fide, "bona fide")


def _need_instruments(attacks: Mapping[str, Scores]) -> None:
    if not attacks:
        raise DataError(
            "there are no attack scores: APCER needs at least one instrument, so add attacks to the set"
        )


def _accepted_share(scores: Scores, threshold: float, name: str) -> float:
    if isinstance(scores, Ranked):
        return float(scores.accepted(one_threshold(threshold))) / scores.count
    return float(accepted(some(scores, name), threshold).mean())


def _silent_share(scores: Scores, name: str) -> float:
    if isinstance(scores, Ranked):
        return scores.silent / scores.count
    return float((~np.isfinite(some(scores, name))).mean())
