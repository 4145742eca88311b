"""Clip scores -> verdict: a sequential test with an early stop; pure functions.

A face's score is the mean m of its n clip scores (the papers' rule), through the contract's map where it was
calibrated: here and nowhere else. For clip scores of equal variance in
both classes Wald's test stops where m leaves the band threshold -+ margin / n. Clips of one presentation
resemble each other, so n counts only as n / (1 + (n - 1) rho), the size of as many independent ones (Kish
1965). A decided verdict always agrees with score >= threshold.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unmask.contract import Contract, OperatingPoint, ScoreMap
from unmask.types import ModelError, Reason, Verdict

GRAVITY = {Verdict.LIVE: 0, Verdict.UNDECIDED: 1, Verdict.ATTACK: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the test needs of a contract: a point's threshold and margin, the clips' correlation rho, and the
    map that scores are read through.
    """

    name: str
    threshold: float
    margin: float
    correlation: float
    score_map: ScoreMap | None = None

    def calibrated(self, score: float) -> float:
        """What a mean of clip scores, or one clip's score, is worth in units of the threshold."""
        return score if self.score_map is None else self.score_map(score)

    def half_width(self, clips: float) -> float:
        """Half the width of the undecided band after so many clips that do not overlap (1 or more).

        >>> Rule(name="default", threshold=0.5, margin=0.2, correlation=0.5).half_width(3)
        0.13333333333333333
        """
        return self.margin / independent(clips, correlation=self.correlation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the evidence says so far; `score` is NaN without clips. More clips may decide an UNDECIDED."""

    verdict: Verdict
    score: float
    reasons: tuple[Reason, ...] = ()


def rule_of(contract: Contract, *, point: str, precision: str) -> Rule:
    """The rule at an operating point; ModelError where its numbers are none, lest anything pass by NaN."""
    chosen: OperatingPoint = contract.point(point, precision=precision)
    rho = contract.evidence_correlation
    if not (math.isfinite(chosen.threshold) and 0 <= chosen.margin < math.inf and 0 <= rho <= 1):
        raise ModelError(
            f"model {contract.name} has threshold {chosen.threshold}, margin {chosen.margin} and correlation "
            f"{rho} at point {point}; they must be finite, >= 0 and in [0, 1]: calibrate it again"
        )
    return Rule(
        name=chosen.name,
        threshold=chosen.threshold,
        margin=chosen.margin,
        correlation=rho,
        score_map=contract.score_map,
    )


def independent(clips: float, *, correlation: float) -> float:
    """How many independent clips tell as much as `clips` with that correlation between any two of them.

    >>> independent(4, correlation=0.0), independent(4, correlation=1.0), independent(3, correlation=0.5)
    (4.0, 1.0, 1.5)
    """
    return clips / (1 + (clips - 1) * correlation)


def read(scores: Sequence[float], rule: Rule, *, clips: float | None = None) -> Reading:
    """The sequential test on clip scores; `clips` is their number without overlap, where they overlap.

    >>> rule = Rule(name="default", threshold=0.5, margin=0.3, correlation=0.0)
    >>> [read(scores, rule).verdict.value for scores in ([0.9], [0.7], [0.7, 0.7], [0.1])]
    ['LIVE', 'UNDECIDED', 'LIVE', 'ATTACK']
    """
    if not scores:
        return Reading(verdict=Verdict.UNDECIDED, score=math.nan, reasons=(Reason.TOO_SHORT,))
    if not all(math.isfinite(score) for score in scores):
        return Reading(verdict=Verdict.UNDECIDED, score=math.nan, reasons=(Reason.NOT_FINITE,))
    mean = rule.calibrated(math.fsum(scores) / len(scores))
    band = rule.half_width(max(1.0, len(scores) if clips is None else clips))
    if mean >= rule.threshold + band:
        return Reading(verdict=Verdict.LIVE, score=mean)
    if mean < rule.threshold - band:
        return Reading(verdict=Verdict.ATTACK, score=mean)
    return Reading(verdict=Verdict.UNDECIDED, score=mean, reasons=(Reason.EVIDENCE_WEAK,))


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """ATTACK before UNDECIDED before LIVE; nothing at all is UNDECIDED.

    >>> worst([Verdict.LIVE, Verdict.UNDECIDED]).value, worst([]).value
    ('UNDECIDED', 'UNDECIDED')
    """
    return max(verdicts, key=GRAVITY.__getitem__, default=Verdict.UNDECIDED)
