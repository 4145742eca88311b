"""Thresholds: fitted on dev, given, or (an oracle) chosen on test."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unmask.metrics.ranked import (
    Scores,
    below,
    first_score,
    ranked,
    refuse_silence,
    threshold_up_to,
    two_classes,
)
from unmask.types import DataError, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Eer:
    """Where FAR and FRR meet: `rate` is their mean there."""

    rate: float
    threshold: float


def eer(bona_fide: Scores, attacks: Scores) -> Eer:
    """The threshold where |FAR - FRR| is smallest, all attacks pooled (n,).

    Ties: the smaller FAR + FRR, then the higher threshold. Thresholds lie midway between neighbouring scores.

    >>> eer(np.array([0.8, 0.6]), np.array([0.1, 0.4]))
    Eer(rate=0.0, threshold=0.5)
    """
    ranked_bona_fide, against = two_classes(bona_fide, attacks)
    groups = [ranked_bona_fide, against]
    refuse_silence(groups)

    def parts(threshold: float) -> tuple[int, int]:
        # FAR and FRR times both counts: whole numbers, so that ties are exact
        far = int(against.accepted(threshold)) * ranked_bona_fide.count
        return far, int(ranked_bona_fide.refused(threshold)) * against.count

    def crossed(threshold: float) -> bool:
        far, frr = parts(threshold)
        return far < frr

    # FAR - FRR falls with every score that the threshold passes: the best is just before it turns negative
    # or just after.
    after = first_score(groups, crossed)
    before = below(groups, after)
    best = None
    for score in (after, before):
        if np.isinf(score) and score < 0:
            continue
        threshold = threshold_up_to(groups, score)
        far, frr = parts(threshold)
        order = (abs(far - frr), far + frr)
        if best is None or order < best[0]:
            best = (order, threshold)
    assert best is not None
    (_, total), threshold = best
    return Eer(rate=total / (2 * ranked_bona_fide.count * against.count), threshold=threshold)


def threshold_at_eer(bona_fide: Scores, attacks: Scores) -> float:
    """The threshold of `eer`; fit it on dev, never on test.

    >>> threshold_at_eer(np.array([0.8, 0.6]), np.array([0.1, 0.4]))
    0.5
    """
    return eer(bona_fide, attacks).threshold


def threshold_at_apcer(bona_fide: Scores, attacks: Mapping[str, Scores], *, target: float) -> float:
    """Lowest threshold whose worst-instrument APCER is at most `target`; fit it on dev, never on test.

    It lies midway between the last score refused and the next one of either class.

    >>> threshold_at_apcer(np.array([0.8, 0.6]), {"print": np.array([0.1, 0.4, 0.7])}, target=0.34)
    0.5
    """
    _check_target(target)
    if not attacks:
        raise DataError("there are no attack scores: a threshold at an APCER needs at least one instrument")
    instruments = [ranked(scores, name) for name, scores in attacks.items()]
    groups = [ranked(bona_fide, "bona fide"), *instruments]
    refuse_silence(groups)

    def held(threshold: float) -> bool:
        return all(float(one.accepted(threshold)) / one.count <= target for one in instruments)

    return threshold_up_to(groups, first_score(groups, held))


def threshold_at_bpcer(bona_fide: Scores, attacks: Mapping[str, Scores], *, target: float) -> float:
    """Highest threshold whose BPCER is at most `target`; fit it on dev, never on test.

    >>> threshold_at_bpcer(np.array([0.8, 0.6]), {"print": np.array([0.1, 0.7])}, target=0.5)
    0.75
    """
    _check_target(target)
    ranked_bona_fide = ranked(bona_fide, "bona fide")
    groups = [ranked_bona_fide, *(ranked(scores, name) for name, scores in attacks.items())]
    refuse_silence(groups)

    def broken(threshold: float) -> bool:
        # not 1 - accepted: 1 - 38 / 40 is above 0.05 in floating point, 2 / 40 is not
        return float(ranked_bona_fide.refused(threshold)) / ranked_bona_fide.count > target

    first = first_score(groups, broken)
    last = first if not broken(first) else below(groups, first)
    if np.isinf(last) and last < 0:
        raise DataError(
            f"no threshold has BPCER <= {target}: {ranked_bona_fide.silent} of {ranked_bona_fide.count} bona "
            "fide presentations got no score; look at why, or ask for a higher target"
        )
    return threshold_up_to(groups, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRule:
    """Where a threshold comes from: `kind` of RULES, `value` its target rate or the threshold itself."""

    kind: str
    value: float = np.nan

    def __str__(self) -> str:
        return self.kind if np.isnan(self.value) else f"{self.kind}={self.value:g}"

    @property
    def needs_dev(self) -> bool:
        """Whether dev scores are needed to fit it."""
        return self.kind.startswith("dev-")


RULES = {  # kind -> the form in which it is written
    "dev-eer": "dev-eer",
    "dev-apcer": "dev-apcer=0.05",
    "dev-bpcer": "dev-bpcer=0.01",
    "fixed": "fixed=0.5",
    "oracle": "oracle",
}


def read_rule(text: str) -> ThresholdRule:
    """The rule that `text` names; SettingsError where it is not one.

    >>> read_rule("dev-apcer=0.05")
    ThresholdRule(kind='dev-apcer', value=0.05)
    """
    kind, equals, number = text.partition("=")
    known = f"a threshold is one of {', '.join(RULES.values())}"
    if kind not in RULES or bool(equals) != ("=" in RULES[kind]):
        raise SettingsError(f"{known}, not {text!r}")
    if not equals:
        return ThresholdRule(kind=kind)
    try:
        value = float(number)
    except ValueError:
        raise SettingsError(f"{known}, not {text!r}: what follows = is not a number") from None
    if not np.isfinite(value):
        raise SettingsError(f"a threshold or target is a finite number, not {number}; {known}")
    if kind != "fixed":
        _check_target(value)
    return ThresholdRule(kind=kind, value=value)


def fit(rule: ThresholdRule, bona_fide: np.ndarray, attacks: Mapping[str, np.ndarray]) -> float:
    """The threshold that `rule` gives on dev scores; a fixed one needs none.

    >>> fit(read_rule("dev-eer"), np.array([0.8, 0.6]), {"print": np.array([0.1, 0.4])})
    0.5
    """
    match rule.kind:
        case "dev-eer":
            return threshold_at_eer(bona_fide, _pooled(attacks))
        case "dev-apcer":
            return threshold_at_apcer(bona_fide, attacks, target=rule.value)
        case "dev-bpcer":
            return threshold_at_bpcer(bona_fide, attacks, target=rule.value)
        case "fixed":
            return rule.value
        case _:
            raise SettingsError(
                f"a threshold by {rule} is not fitted on dev; use {', '.join(RULES.values())}"
            )


def _pooled(attacks: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *attacks.values()])


def _check_target(target: float) -> None:
    if not 0 <= target <= 1:
        raise SettingsError(f"a target rate lies in [0, 1], not {target}; 1 % is 0.01")
