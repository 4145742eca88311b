"""Scores -> error rates, in the words of ISO/IEC 30107-3.

A presentation is accepted when its score is finite and score >= threshold. A score that is not finite is
a non-response: an error for a bona fide presentation, no acceptance for an attack, and outside the AUC.
Rates are shares in [0, 1]. Empty inputs are errors (DataError); only `summarise`, which also serves tables
by column, gives NaN for a missing class.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv

from unmask.types import DataError, Label, Score, SettingsError

BOOTSTRAP_ROUNDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`errors` of `count` presentations with the exact (Clopper-Pearson) 95 % interval; NaN if none."""

    errors: int
    count: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its bootstrap 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Eer:
    """Where FAR and FRR meet: `rate` is their mean there."""

    rate: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One row of a results table; what a missing class leaves undefined is NaN, its mappings empty.

    `threshold` is NaN where the presentations had different ones.
    `instruments` and `families` (the part before "/") map a name to the share of its attacks accepted;
    `worst_instrument` is "" without attacks. Non-responses count in the rates as the module says.
    """

    threshold: float
    instruments: Mapping[str, Rate]
    families: Mapping[str, Rate]
    worst_instrument: str
    apcer: float
    bpcer: Rate
    acer: Estimate
    auc: Estimate
    bona_fide: int
    attacks: int
    bona_fide_non_responses: int
    attack_non_responses: int


def accepted(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Which of the scores (n,) are accepted, as bool (n,).

    >>> accepted(np.array([0.5, 0.4, np.nan, np.inf]), 0.5).tolist()
    [True, False, False, False]
    """
    scores = np.asarray(scores, dtype=np.float64)
    return np.isfinite(scores) & (scores >= threshold)


def apcer(attacks: Mapping[str, np.ndarray], threshold: float) -> dict[str, float]:
    """Share of attack presentations accepted, one rate for each instrument.

    `attacks`: instrument -> scores (n,). Report `max(apcer(...).values())`: the standard takes the worst
    instrument, not the mean.

    >>> apcer({"print": np.array([0.1, np.nan]), "mask": np.array([0.4, 0.9])}, threshold=0.5)
    {'print': 0.0, 'mask': 0.5}
    """
    if not attacks:
        raise DataError(
            "there are no attack scores: APCER needs at least one instrument, so add attacks to the set"
        )
    return {name: float(accepted(_some(scores, name), threshold).mean()) for name, scores in attacks.items()}


def bpcer(bona_fide: np.ndarray, threshold: float) -> float:
    """Share of bona fide presentations (n,) not accepted, non-responses among them.

    >>> bpcer(np.array([0.9, 0.2, np.nan, 0.5]), threshold=0.5)
    0.5
    """
    return float((~accepted(_some(bona_fide, "bona fide"), threshold)).mean())


def acer(bona_fide: np.ndarray, attacks: Mapping[str, np.ndarray], *, threshold: float) -> float:
    """Mean of BPCER and the worst instrument's APCER: the academic summary, not part of the standard.

    >>> acer(np.array([0.9, 0.2]), {"print": np.array([0.1]), "mask": np.array([0.4, 0.9])}, threshold=0.5)
    0.5
    """
    return (max(apcer(attacks, threshold).values()) + bpcer(bona_fide, threshold)) / 2


def hter(bona_fide: np.ndarray, attacks: np.ndarray, *, threshold: float) -> float:
    """Mean of FRR and FAR, all attacks pooled (n,), at a threshold that came from elsewhere.

    >>> hter(np.array([0.9, 0.2]), np.array([0.1, 0.2, 0.3, 0.9]), threshold=0.5)
    0.375
    """
    return (bpcer(bona_fide, threshold) + apcer({"attack": attacks}, threshold)["attack"]) / 2


def auc(bona_fide: np.ndarray, attacks: np.ndarray) -> float:
    """Chance that a bona fide score is above an attack's, a tie counting half; over finite scores only.

    >>> auc(np.array([0.9, 0.5, np.nan]), np.array([0.5, 0.1]))
    0.875
    """
    bona_fide, attacks = _finite(bona_fide), np.sort(_finite(attacks))
    if not len(bona_fide) or not len(attacks):
        raise DataError("AUC needs a finite score of each class; check that faces were found in both")
    below = np.searchsorted(attacks, bona_fide, side="left")
    not_above = np.searchsorted(attacks, bona_fide, side="right")
    return float((below + not_above).sum() / (2 * len(bona_fide) * len(attacks)))


def eer(bona_fide: np.ndarray, attacks: np.ndarray) -> Eer:
    """The threshold where |FAR - FRR| is smallest, all attacks pooled (n,).

    Ties: the smaller FAR + FRR, then the higher threshold. Thresholds lie midway between neighbouring scores.

    >>> eer(np.array([0.8, 0.6]), np.array([0.1, 0.4]))
    Eer(rate=0.0, threshold=0.5)
    """
    bona_fide, attacks = _some(bona_fide, "bona fide"), _some(attacks, "attack")
    thresholds = _candidates(bona_fide, attacks)
    far, frr = _accept_rates(attacks, thresholds), _refuse_rates(bona_fide, thresholds)
    # Rounding keeps 1 - 2/3 and 1/3 a tie.
    order = np.lexsort((-thresholds, np.round(far + frr, 12), np.round(np.abs(far - frr), 12)))
    best = order[0]
    return Eer(rate=float((far[best] + frr[best]) / 2), threshold=float(thresholds[best]))


def threshold_at_eer(bona_fide: np.ndarray, attacks: np.ndarray) -> float:
    """The threshold of `eer`; fit it on dev, never on test.

    >>> threshold_at_eer(np.array([0.8, 0.6]), np.array([0.1, 0.4]))
    0.5
    """
    return eer(bona_fide, attacks).threshold


def threshold_at_apcer(bona_fide: np.ndarray, attacks: Mapping[str, np.ndarray], *, target: float) -> float:
    """Lowest threshold whose worst-instrument APCER is at most `target`; fit it on dev, never on test.

    It lies midway between the last score refused and the next one of either class.

    >>> threshold_at_apcer(np.array([0.8, 0.6]), {"print": np.array([0.1, 0.4, 0.7])}, target=0.34)
    0.5
    """
    _check_target(target)
    if not attacks:
        raise DataError("there are no attack scores: a threshold at an APCER needs at least one instrument")
    scores = [_some(instrument, name) for name, instrument in attacks.items()]
    thresholds = _candidates(_some(bona_fide, "bona fide"), *scores)
    worst = np.max([_accept_rates(instrument, thresholds) for instrument in scores], axis=0)
    return float(thresholds[np.argmax(worst <= target)])


def threshold_at_bpcer(bona_fide: np.ndarray, attacks: Mapping[str, np.ndarray], *, target: float) -> float:
    """Highest threshold whose BPCER is at most `target`; fit it on dev, never on test.

    >>> threshold_at_bpcer(np.array([0.8, 0.6]), {"print": np.array([0.1, 0.7])}, target=0.5)
    0.75
    """
    _check_target(target)
    bona_fide = _some(bona_fide, "bona fide")
    thresholds = _candidates(bona_fide, *attacks.values())
    within = _refuse_rates(bona_fide, thresholds) <= target
    if not within.any():
        silent = int((~np.isfinite(bona_fide)).sum())
        raise DataError(
            f"no threshold has BPCER <= {target}: {silent} of {len(bona_fide)} bona fide presentations "
            "got no score; look at why, or ask for a higher target"
        )
    return float(thresholds[within][-1])


def rate(errors: int, count: int, *, confidence: float = 0.95) -> Rate:
    """`errors` of `count` with the exact interval of Clopper and Pearson (1934).

    >>> rate(0, 10).high.__round__(4)  # 1 - 0.025 ** (1 / 10)
    0.3085
    """
    if not 0 <= errors <= count:
        raise DataError(
            f"a rate needs 0 <= errors <= count, not {errors} of {count}; count presentations once"
        )
    if not count:
        return Rate(errors=0, count=0, value=np.nan, low=np.nan, high=np.nan)
    tail = (1 - confidence) / 2
    low = 0.0 if errors == 0 else float(betaincinv(errors, count - errors + 1, tail))
    high = 1.0 if errors == count else float(betaincinv(errors + 1, count - errors, 1 - tail))
    return Rate(errors=errors, count=count, value=errors / count, low=low, high=high)


def bootstrap(
    scores: Sequence[Score],
    statistic: Callable[[np.ndarray, np.ndarray, np.ndarray], float],
    *,
    rng: np.random.Generator,
    rounds: int = BOOTSTRAP_ROUNDS,
) -> tuple[float, float]:
    """The 95 % interval of `statistic` when subjects (presentations without a subject) are drawn again.

    `statistic` gets scores (n,), whether each is bona fide (n,) and its instrument (n,). Drawing is within
    the groups of bona fide only, attack only and mixed subjects, so that no draw loses a class.
    """
    values, bona_fide, instruments = _columns(scores)
    members: dict[str, list[int]] = {}
    for row, score in enumerate(scores):
        members.setdefault(f"subject {score.subject}" if score.subject else f"row {row}", []).append(row)
    groups: dict[tuple[bool, bool], list[np.ndarray]] = {}
    for rows in members.values():
        kind = (bool(bona_fide[rows].any()), bool(bona_fide[rows].all()))
        groups.setdefault(kind, []).append(np.array(rows))
    drawn = np.empty(rounds)
    for k in range(rounds):
        draws = [group[i] for group in groups.values() for i in rng.integers(len(group), size=len(group))]
        picked = np.concatenate(draws)
        drawn[k] = statistic(values[picked], bona_fide[picked], instruments[picked])
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return np.nan, np.nan
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def summarise(
    scores: Sequence[Score],
    threshold: float | Sequence[float],
    *,
    seed: int = 0,
    rounds: int = BOOTSTRAP_ROUNDS,
) -> Summary:
    """All rates of a score table with counts and intervals; `seed` draws the bootstrap.

    `threshold` is one for all, or one for each score where they came from different models.
    """
    values, bona_fide, instruments = _columns(scores)
    thresholds = np.broadcast_to(np.asarray(threshold, dtype=np.float64), values.shape)
    passed = np.isfinite(values) & (values >= thresholds)
    families = np.array([name.split("/")[0] for name in instruments], dtype=object)
    rates = _shares(passed[~bona_fide], instruments[~bona_fide])
    worst = max(rates, key=lambda name: (rates[name].value, rates[name].count), default="")
    silent = ~np.isfinite(values)
    above = [replace(s, score=float(p)) for s, p in zip(scores, passed, strict=True)]
    return Summary(
        threshold=float(thresholds[0]) if len(set(thresholds.tolist())) == 1 else np.nan,
        instruments=rates,
        families=_shares(passed[~bona_fide], families[~bona_fide]),
        worst_instrument=worst,
        apcer=rates[worst].value if worst else np.nan,
        bpcer=rate(int((~passed[bona_fide]).sum()), int(bona_fide.sum())),
        acer=_estimate(above, _acer_of, seed=seed, rounds=rounds),
        auc=_estimate(scores, _auc_of, seed=seed, rounds=rounds),
        bona_fide=int(bona_fide.sum()),
        attacks=int((~bona_fide).sum()),
        bona_fide_non_responses=int((silent & bona_fide).sum()),
        attack_non_responses=int((silent & ~bona_fide).sum()),
    )


def _estimate(
    scores: Sequence[Score],
    statistic: Callable[[np.ndarray, np.ndarray, np.ndarray], float],
    *,
    seed: int,
    rounds: int,
) -> Estimate:
    value = statistic(*_columns(scores))
    if not np.isfinite(value):
        return Estimate(value=np.nan, low=np.nan, high=np.nan)
    low, high = bootstrap(scores, statistic, rng=np.random.default_rng(seed), rounds=rounds)
    return Estimate(value=value, low=low, high=high)


def _acer_of(passed: np.ndarray, bona_fide: np.ndarray, instruments: np.ndarray) -> float:
    """ACER of decisions that were taken: 1 accepted, 0 not."""
    if bona_fide.all() or not bona_fide.any():
        return np.nan
    attacks = _by_name(passed[~bona_fide], instruments[~bona_fide])
    return acer(passed[bona_fide], attacks, threshold=0.5)


def _auc_of(values: np.ndarray, bona_fide: np.ndarray, instruments: np.ndarray) -> float:
    finite = np.isfinite(values)
    if not (finite & bona_fide).any() or not (finite & ~bona_fide).any():
        return np.nan
    return auc(values[bona_fide], values[~bona_fide])


def _columns(scores: Sequence[Score]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.array([score.score for score in scores], dtype=np.float64)
    bona_fide = np.array([score.label is Label.BONA_FIDE for score in scores], dtype=bool)
    # An attack that came without an instrument must not vanish from the worst case: "attack" names it.
    instruments = np.array([score.instrument or "attack" for score in scores], dtype=object)
    return values, bona_fide, instruments


def _by_name(values: np.ndarray, names: np.ndarray) -> dict[str, np.ndarray]:
    return {str(name): values[names == name] for name in sorted(set(names))}


def _shares(passed: np.ndarray, names: np.ndarray) -> dict[str, Rate]:
    return {name: rate(int(rows.sum()), len(rows)) for name, rows in _by_name(passed, names).items()}


def _some(scores: np.ndarray, name: str) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or not len(scores):
        raise DataError(
            f"{name} scores must be (n,) with n >= 1, not {scores.shape}; add presentations to the set"
        )
    return scores


def _finite(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    return scores[np.isfinite(scores)]


def _check_target(target: float) -> None:
    if not 0 <= target <= 1:
        raise SettingsError(f"a target rate lies in [0, 1], not {target}; 1 % is 0.01")


def _candidates(*scores: np.ndarray) -> np.ndarray:
    """One threshold for each way of parting the finite scores, from the lowest to above the highest."""
    distinct = np.unique(np.concatenate([_finite(s) for s in scores]))
    if not len(distinct):
        raise DataError("no score is finite, so there is no threshold; check that faces were found")
    low, high = distinct[:-1], distinct[1:]
    midway = low + (high - low) / 2
    midway = np.where(midway > low, midway, high)  # neighbours in floating point have nothing between them
    return np.concatenate([distinct[:1], midway, [np.nextafter(distinct[-1], np.inf)]])


def _accept_rates(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    finite = np.sort(_finite(scores))
    return (len(finite) - np.searchsorted(finite, thresholds, side="left")) / len(scores)


def _refuse_rates(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    # Not 1 - accepted: 1 - 38 / 40 is above 0.05 in floating point, 2 / 40 is not.
    finite = np.sort(_finite(scores))
    silent = len(scores) - len(finite)
    return (silent + np.searchsorted(finite, thresholds, side="left")) / len(scores)
